import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A socket that says what it is told to: for what the NATS client cannot or will not send. */
export class RawClient {
  /** Everything received, one character per byte. */
  received = '';
  readonly socket: Socket;
  readonly closed: Promise<void>;
  private readonly token: string;

  constructor({ port, token }: { port: number; token: string }) {
    this.token = token;
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve()));
  }

  /** A client that has read INFO, sent CONNECT and had its PING answered. */
  static async open(broker: { port: number; token: string }, options: object = {}): Promise<RawClient> {
    const client = new RawClient(broker);
    await client.until('INFO ');
    client.send(client.connectLine(options), 'PING\r\n');
    await client.until('PONG\r\n');
    client.received = '';
    return client;
  }

  connectLine(options: object = {}): string {
    return `CONNECT ${JSON.stringify({ auth_token: this.token, verbose: false, pedantic: false, ...options })}\r\n`;
  }

  send(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) this.socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
  }

  /** Send, and wait until the broker has dealt with it. */
  async settled(...parts: readonly (string | Uint8Array)[]): Promise<string> {
    this.send(...parts, 'PING\r\n');
    await this.until('PONG\r\n');
    const received = this.received.replace('PONG\r\n', '');
    this.received = '';
    return received;
  }

  /** Wait until a text, or so many of them, have been received. */
  async until(text: string, times = 1, ms = 10_000): Promise<void> {
    const signal = AbortSignal.timeout(ms);
    while (this.received.split(text).length <= times) {
      const more = once(this.socket, 'data', { signal });
      await Promise.race([more, this.closed.then(() => Promise.reject(new Error('closed')))]).catch((error: Error) => {
        const received = JSON.stringify(this.received.slice(-200));
        throw new Error(`waited for ${JSON.stringify(text)}, received ${received} (${error.message})`);
      });
    }
  }

  /** Wait for the broker to close this connection. */
  async untilClosed(ms = 10_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`still open, received ${JSON.stringify(this.received)}`)), ms);
    });
    await Promise.race([this.closed, late]).finally(() => clearTimeout(timer));
  }
}
