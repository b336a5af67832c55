import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { ProtocolError } from './errors.js';
import type { Hub, Subscription } from './hub.js';
import { type Command, Parser, type Publication } from './parser.js';
import { isPattern } from './subjects.js';

const CRLF = Buffer.from('\r\n');

/** One client: open until it is let go, then ending: its last bytes are on their way and its input is ignored. */
export class Connection {
  private state: 'open' | 'ending' = 'open';
  private readonly parser: Parser;
  private readonly subscriptions = new Map<string, Subscription>();
  /** What the client asked for when it connected. */
  client = { verbose: false, echo: true, headers: false, noResponders: false };
  private outgoing: Buffer[] = [];
  private outgoingBytes = 0;
  private silentPings = 0;
  private timer: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly hub: Hub,
    info: object,
  ) {
    this.parser = new Parser(hub.settings, (command) => this.obey(command));
    this.timer = setTimeout(() => this.end('Authentication Timeout'), hub.settings.connectTimeout);
    socket.on('data', (chunk: Buffer) => this.receive(chunk)).on('error', () => socket.destroy());
    socket.on('end', () => this.end()).on('close', () => this.end());
    this.send(`INFO ${JSON.stringify(info)}\r\n`);
  }

  /** Queue a message for a subscription of this client. */
  deliver(subscription: Subscription, { subject, reply, headerBytes, payload }: Publication): void {
    const headers = this.client.headers && headerBytes > 0;
    const body = headers ? payload : payload.subarray(headerBytes);
    const address = `${subject} ${subscription.sid}${reply === undefined ? '' : ` ${reply}`}`;
    this.send(`${headers ? `HMSG ${address} ${headerBytes}` : `MSG ${address}`} ${body.length}\r\n`, body);
    if (++subscription.delivered === subscription.max) this.unsubscribe(subscription);
  }

  /** Let this client go, saying why if it was to blame, and cut it off if it does not read to the end in time. */
  end(fault?: string): void {
    if (this.state === 'ending') return;
    this.flush();
    this.state = 'ending';
    if (fault !== undefined) this.hub.stats.faults++;
    this.socket.end(fault === undefined ? '' : `-ERR '${fault}'\r\n`);
    for (const subscription of this.subscriptions.values()) this.unsubscribe(subscription);
    this.hub.connections.delete(this);
    clearTimeout(this.timer);
    setTimeout(() => this.socket.destroy(), this.hub.settings.lingerTimeout).unref();
  }

  private receive(chunk: Buffer): void {
    if (this.state === 'ending') return;
    this.silentPings = 0;
    try {
      this.parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.end(error.message);
    }
  }

  private obey(command: Command): void {
    const { op } = command;
    const refused = op === 'sub' && !isPattern(command.subject);
    if (this.state === 'ending' || op === 'pong') return;
    if (op === 'connect') this.connect(command.options);
    if (op === 'ping') this.send('PONG\r\n');
    else if (refused) this.send(`-ERR 'Invalid Subject'\r\n`);
    else if (this.client.verbose) this.send('+OK\r\n');
    if (op === 'sub' && !refused) this.subscribe({ ...command, owner: this, max: 0, delivered: 0 });
    if (op === 'unsub') this.limit(this.subscriptions.get(command.sid), command.max);
    if (op === 'pub') this.hub.publish(command, this);
  }

  private connect({ auth_token, verbose, echo, headers, no_responders }: Readonly<Record<string, unknown>>): void {
    const given = Buffer.from(typeof auth_token === 'string' ? auth_token : '');
    const token = Buffer.from(this.hub.settings.token);
    const admitted = given.length === token.length && timingSafeEqual(given, token);
    if (!admitted) throw new ProtocolError('Authorization Violation');
    const noResponders = headers === true && no_responders === true;
    this.client = { verbose: verbose === true, echo: echo !== false, headers: headers === true, noResponders };
    this.parser.connectOnly = false;
    clearTimeout(this.timer);
    this.timer = setInterval(() => {
      if (this.silentPings++ >= this.hub.settings.maxPingsOut) this.end('Stale Connection');
      this.send('PING\r\n');
    }, this.hub.settings.pingInterval);
  }

  private subscribe(subscription: Subscription): void {
    if (this.subscriptions.has(subscription.sid)) return;
    this.subscriptions.set(subscription.sid, subscription);
    this.hub.subscriptions.insert(subscription);
  }

  private limit(subscription: Subscription | undefined, max: number): void {
    if (subscription !== undefined) subscription.max = max;
    if (subscription !== undefined && max <= subscription.delivered) this.unsubscribe(subscription);
  }

  private unsubscribe(subscription: Subscription): void {
    this.subscriptions.delete(subscription.sid);
    this.hub.subscriptions.remove(subscription);
  }

  /** Queue bytes; all that is queued in one turn of the event loop is written together. */
  private send(head: string, payload?: Buffer): void {
    if (this.state === 'ending') return;
    if (this.outgoing.length === 0) queueMicrotask(() => this.flush());
    this.outgoing.push(Buffer.from(head, 'latin1'));
    if (payload !== undefined) this.outgoing.push(payload, CRLF);
    this.outgoingBytes += head.length + (payload?.length ?? 0);
    if (this.outgoingBytes + this.socket.writableLength > this.hub.settings.maxPending) this.end('Slow Consumer');
  }

  private flush(): void {
    if (this.outgoing.length > 0) this.socket.write(Buffer.concat(this.outgoing.splice(0)));
    this.outgoingBytes = 0;
  }
}
