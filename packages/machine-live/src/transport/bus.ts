import { connect, ErrorCode, type NatsConnection } from 'nats';
import { BusError, oneLine, within } from './bus-error.js';
import { type Address, awaitGreeting } from './greeting.js';

export { BusError } from './bus-error.js';

/** A connection to a NATS server. Losing it is final, for what was published meanwhile would be missing. */
export interface Bus {
  /**
   * Send to whoever is subscribed now. The bytes must not change before the next turn of the event loop. Without effect
   * once the connection is lost or closed.
   * @throws BusError if the data are larger than the server takes
   */
  publish(subject: string, data: Uint8Array): void;
  /**
   * Have `onData` called with each message on a subject, `*` and `>` allowed, in the order of arrival; the data may share
   * memory with other messages. An exception in it ends the connection and is reported as its loss.
   * @returns ends the subscription
   */
  subscribe(subject: string, onData: (data: Uint8Array, subject: string) => void): () => void;
  /** Wait until the server has taken all that was published and subscribed before. @throws BusError */
  flush(): Promise<void>;
  /** Send what is still to be sent, within a second, and end the connection. Nothing is delivered from now on. */
  close(): Promise<void>;
  /** Have `report` called when the connection is lost: once, soon if it is lost already, never if it was closed. */
  onLost(report: (reason: string) => void): void;
  /** Largest data that the server takes, bytes. */
  readonly maxPayload: number;
  /** The server's URL, without a secret. */
  readonly server: string;
}

export interface BusOptions {
  /** `nats://host:port` without a secret; the host is looked up as the system does. */
  readonly url: string;
  readonly token?: string | undefined;
  /** What the server's records call this client. */
  readonly name: string;
  /** For each answer of the server, to connecting and to `flush`, ms. */
  readonly timeoutMs?: number;
}

const CLOSE_MS = 1_000;
/** The client asks the server for a sign of life; a peer that falls silent is noticed sooner, by its link. */
const PING_MS = 10_000;
const NATS_PORT = 4222;

class NatsBus implements Bus {
  private state: 'open' | 'lost' | 'closed' = 'open';
  private reason = '';
  private readonly reports: ((reason: string) => void)[] = [];
  private readonly flushing = new Set<(error: BusError) => void>();
  readonly maxPayload: number;

  constructor(
    private readonly connection: NatsConnection,
    readonly server: string,
    private readonly timeoutMs: number,
  ) {
    this.maxPayload = connection.info?.max_payload ?? 1 << 20;
    void connection.closed().then((error) => {
      this.lose(error instanceof Error ? `the connection broke (${oneLine(error.message)})` : 'the connection broke');
    });
  }

  private get open(): boolean {
    return this.state === 'open' && !this.connection.isClosed();
  }

  publish(subject: string, data: Uint8Array): void {
    if (!this.open) return;
    if (data.length > this.maxPayload) {
      throw new BusError(`${this.server} takes ${this.maxPayload} bytes, not the ${data.length} for ${subject}`);
    }
    this.connection.publish(subject, data);
  }

  subscribe(subject: string, onData: (data: Uint8Array, subject: string) => void): () => void {
    if (!this.open) return () => {};
    const subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (this.state !== 'open') return;
        if (error !== null) return this.fail(`${subject} is refused (${oneLine(error.message)})`);
        try {
          onData(message.data, message.subject);
        } catch (thrown) {
          // The client would stop reading, and say nothing.
          this.fail(`what listens to ${subject} threw ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
        }
      },
    });
    return () => subscription.unsubscribe();
  }

  async flush(): Promise<void> {
    if (!this.open) throw new BusError(this.reason || `${this.server}: the connection is closed`);
    // The client never settles a flush that the end of the connection cut off.
    let cutOff: (error: BusError) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      cutOff = reject;
    });
    this.flushing.add(cutOff);
    try {
      await within(this.timeoutMs, `${this.server}: no answer`, Promise.race([this.connection.flush(), ended]));
    } finally {
      this.flushing.delete(cutOff);
    }
  }

  async close(): Promise<void> {
    const wasOpen = this.open;
    if (this.state === 'open') this.state = 'closed';
    const done = wasOpen ? this.connection.flush() : Promise.resolve();
    await within(CLOSE_MS, 'not flushed', Promise.race([done, this.connection.closed()])).catch(() => {});
    this.cutOff(`${this.server}: the connection is closed`);
    await within(CLOSE_MS, 'not closed', this.connection.close()).catch(() => {});
  }

  onLost(report: (reason: string) => void): void {
    if (this.state === 'lost') queueMicrotask(() => report(this.reason));
    else this.reports.push(report);
  }

  private fail(reason: string): void {
    this.lose(reason);
    this.connection.close().catch(() => {});
  }

  private lose(reason: string): void {
    if (this.state !== 'open') return;
    this.state = 'lost';
    this.reason = `${this.server}: ${reason}`;
    this.cutOff(this.reason);
    for (const report of this.reports.splice(0)) report(this.reason);
  }

  private cutOff(reason: string): void {
    for (const reject of this.flushing) reject(new BusError(reason));
  }
}

/** @throws BusError unless the URL is `nats://host[:port]` */
function addressOf(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'nats:' || parsed.hostname === '') {
    throw new BusError(`a server is given as nats://host:port, not "${url.replace(/\/\/.*@/, '//')}"`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new BusError(`nats://${parsed.host}: the token does not belong into the URL`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: parsed.port === '' ? NATS_PORT : Number(parsed.port) };
}

function whyNot(error: unknown, token: string | undefined): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === ErrorCode.AuthorizationViolation) {
    return token === undefined ? 'the server asks for a token' : 'the server does not accept the token';
  }
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === ErrorCode.Timeout) return 'no answer in time';
  return oneLine(message ?? String(error));
}

/**
 * Connect to a NATS server.
 * @throws BusError, one line, if there is none, it does not accept the token or does not answer in time
 */
export async function connectBus({ url, token, name, timeoutMs = 5_000 }: BusOptions): Promise<Bus> {
  const address = addressOf(url);
  try {
    await awaitGreeting(address, timeoutMs);
    const connection = await connect({
      servers: url,
      name,
      ...(token === undefined ? {} : { token }),
      timeout: timeoutMs,
      reconnect: false,
      maxReconnectAttempts: 0,
      ignoreClusterUpdates: true,
      resolve: false,
      pingInterval: PING_MS,
    });
    return new NatsBus(connection, url, timeoutMs);
  } catch (cause) {
    throw new BusError(`${url}: ${whyNot(cause, token)}`, { cause });
  }
}
