import { isIP } from 'node:net';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  ErrorCode,
  type NatsConnection,
  nkeyAuthenticator,
  type Subscription,
} from 'nats';
import { within } from '../event-loop.js';
import { type Address, addressOf, type Credentials, readCredential, whatWasShown } from './access.js';
import { BusError, inTime, oneLine } from './bus-error.js';
import { awaitGreeting } from './greeting.js';

export { BusError } from './bus-error.js';

type OnData = (data: Uint8Array, subject: string) => void;

/** Status with which a server answers for a subject to which nobody is subscribed. */
const NO_RESPONDERS = 503;

/** A connection to a NATS server. Losing it is final, for what was published meanwhile would be missing. */
export interface Bus {
  /**
   * Send to whoever is subscribed now. The bytes must not change before the next turn of the event loop. Without effect
   * once the connection is lost or closed.
   * @param reply the subject on which the server says so if nobody is subscribed
   * @throws BusError if the data are larger than the server takes
   */
  publish(subject: string, data: Uint8Array, reply?: string): void;
  /**
   * Have `onData` called with each message on a subject, `*` and `>` allowed, in the order of arrival; the data may share
   * memory with other messages. An exception in it ends the connection and is reported as its loss.
   * @param onNobody called when something that was sent with `subject` for its reply has reached nobody
   * @returns ends the subscription
   */
  subscribe(subject: string, onData: OnData, onNobody?: () => void): () => void;
  /**
   * The same, but of all who share a subject in one group only one gets each message.
   * @returns takes no new messages; resolves when all that the server had sent here before are delivered, or when it does
   * not say so in time
   */
  share(subject: string, group: string, onData: OnData): () => Promise<void>;
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

export interface BusOptions extends Credentials {
  /** `nats://host:port`, or `tls://host:port` to speak TLS only, without a secret; the host is looked up as the system does. */
  readonly url: string;
  /** What the server's records call this client. */
  readonly name: string;
  /** For each answer of the server, to connecting and to `flush`, ms. */
  readonly timeoutMs?: number;
}

const CLOSE_MS = 1_000;
/** The client asks the server for a sign of life; a peer that falls silent is noticed sooner, by its link. */
const PING_MS = 10_000;

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

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (!this.open) return;
    if (data.length > this.maxPayload) {
      throw new BusError(`${this.server} takes ${this.maxPayload} bytes, not the ${data.length} for ${subject}`);
    }
    this.connection.publish(subject, data, reply === undefined ? {} : { reply });
  }

  subscribe(subject: string, onData: OnData, onNobody: () => void = () => {}): () => void {
    const subscription = this.listen(subject, onData, { onNobody });
    return () => subscription?.unsubscribe();
  }

  share(subject: string, group: string, onData: OnData): () => Promise<void> {
    const subscription = this.listen(subject, onData, { queue: group });
    return async () => {
      if (!this.open || subscription === undefined) return;
      // Without the server nothing more is delivered, and the client would wait for ever.
      const cutOff = this.connection.closed();
      const left = Promise.race([subscription.drain(), cutOff]).catch(() => {});
      await within(this.timeoutMs, left, () => subscription.unsubscribe());
    };
  }

  private listen(
    subject: string,
    onData: OnData,
    { queue = '', onNobody = () => {} }: { queue?: string; onNobody?: () => void },
  ): Subscription | undefined {
    if (!this.open) return undefined;
    return this.connection.subscribe(subject, {
      queue,
      callback: (error, message) => {
        if (this.state !== 'open') return;
        if (error !== null) return this.fail(`${subject} is refused (${oneLine(error.message)})`);
        try {
          if (message.headers?.code === NO_RESPONDERS) onNobody();
          else onData(message.data, message.subject);
        } catch (thrown) {
          // The client would stop reading, and say nothing.
          this.fail(`what listens to ${subject} threw ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
        }
      },
    });
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
      await inTime(this.timeoutMs, `${this.server}: no answer`, Promise.race([this.connection.flush(), ended]));
    } finally {
      this.flushing.delete(cutOff);
    }
  }

  async close(): Promise<void> {
    const wasOpen = this.open;
    if (this.state === 'open') this.state = 'closed';
    const done = wasOpen ? this.connection.flush() : Promise.resolve();
    await inTime(CLOSE_MS, 'not flushed', Promise.race([done, this.connection.closed()])).catch(() => {});
    this.cutOff(`${this.server}: the connection is closed`);
    await inTime(CLOSE_MS, 'not closed', this.connection.close()).catch(() => {});
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

/** @throws BusError if a file cannot be read, or holds something else */
function proof({ token, user, pass, credsFile, nkeyFile }: Credentials): ConnectionOptions {
  return {
    ...(token !== undefined && { token }),
    ...(user !== undefined && { user, pass: pass ?? '' }),
    ...(credsFile !== undefined && { authenticator: withCreds(credsFile) }),
    ...(nkeyFile !== undefined && { authenticator: withNkey(nkeyFile) }),
  };
}

/** By itself the client would take a certificate for `localhost`, whatever the server is called. */
function tlsOptions({ host }: Address, { caFile }: Credentials): ConnectionOptions {
  const ca = caFile === undefined ? {} : { ca: readCredential('the CA', caFile).toString() };
  const tls = { ...ca, host, ...(isIP(host) === 0 && { servername: host }) };
  return { tls };
}

const withCreds = (path: string): Authenticator =>
  usable(credsAuthenticator(readCredential('credentials', path)), `${path} holds no credentials`);

const withNkey = (path: string): Authenticator =>
  usable(
    nkeyAuthenticator(Buffer.from(readCredential('an nkey', path).toString().trim())),
    `${path} holds no seed of an nkey`,
  );

/** The client asks it while it connects, where an exception would reach nobody. */
function usable(authenticator: Authenticator, why: string): Authenticator {
  try {
    authenticator('nonce');
  } catch (cause) {
    throw new BusError(why, { cause });
  }
  return authenticator;
}

/** Codes of the errors of a server's certificate. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

function whyNot(error: unknown, credentials: Credentials): string {
  const { code = '', message } = error as { code?: string; message?: string };
  if (code === ErrorCode.AuthorizationViolation) {
    const shown = whatWasShown(credentials);
    return shown === undefined
      ? 'the server asks for a token, or for other credentials'
      : `the server does not accept ${shown}`;
  }
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === ErrorCode.Timeout) return 'no answer in time';
  if (CERTIFICATE.test(code)) return `the server's certificate is not trusted (${oneLine(message ?? code)})`;
  return oneLine(message ?? String(error));
}

/**
 * Connect to a NATS server.
 * @throws BusError, one line without a secret, if there is none, it does not accept the credentials, is not to be trusted
 * or does not answer in time
 */
export async function connectBus({ url, name, timeoutMs = 5_000, ...credentials }: BusOptions): Promise<Bus> {
  const address = addressOf(url);
  try {
    const shown = proof(credentials);
    const encryption = tlsOptions(address, credentials);
    const greeting = await awaitGreeting(address, timeoutMs);
    if (address.tls && !greeting.tls) throw new BusError('the server does not speak TLS');
    const connection = await connect({
      servers: url,
      name,
      ...shown,
      ...(greeting.tls && encryption),
      timeout: timeoutMs,
      reconnect: false,
      maxReconnectAttempts: 0,
      ignoreClusterUpdates: true,
      resolve: false,
      pingInterval: PING_MS,
    });
    return new NatsBus(connection, url, timeoutMs);
  } catch (cause) {
    throw new BusError(`${url}: ${whyNot(cause, credentials)}`, { cause });
  }
}
