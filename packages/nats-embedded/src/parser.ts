import { ProtocolError } from './errors.js';

/** A message. The first `headerBytes` of its payload are headers; the payload may be a view: copy it to keep it. */
export interface Publication {
  readonly op: 'pub';
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headerBytes: number;
  readonly payload: Buffer;
}

/** What a client asks for. Strings have one character per byte (latin1), so that any bytes leave as they came. */
export type Command =
  | Publication
  | { readonly op: 'connect'; readonly options: Readonly<Record<string, unknown>> }
  | { readonly op: 'ping' | 'pong' }
  | { readonly op: 'sub'; readonly subject: string; readonly queue: string | undefined; readonly sid: string }
  | { readonly op: 'unsub'; readonly sid: string; readonly max: number };

/** The operations, with the least and the most words that may follow; JSON follows CONNECT. */
const WORDS = { connect: [0, 1e9], ping: [0, 0], pong: [0, 0], sub: [2, 3], unsub: [1, 2], pub: [2, 3], hpub: [3, 4] };
const PREFIXES = new Set(Object.keys(WORDS).flatMap((op) => Array.from(op, (_, n) => op.slice(0, n + 1))));

/**
 * Reads a client's side of the protocol from chunks cut anywhere. A payload within a chunk is handed on as a view of it,
 * one that spans chunks is copied once. Throws a ProtocolError as soon as something is wrong, and is then finished.
 */
export class Parser {
  /** Until this is cleared no operation but CONNECT may begin. */
  connectOnly = true;
  private line = '';
  /** The message whose payload is due: of the `size` bytes of `body`, CR LF included, the first `filled` have come. */
  private due: Omit<Publication, 'payload'> | undefined;
  private body: Buffer = Buffer.alloc(0);
  private size = 0;
  private filled = 0;

  constructor(
    private readonly limits: { readonly maxControlLine: number; readonly maxPayload: number },
    private readonly handle: (command: Command) => void,
  ) {}

  /** Take the next bytes; the commands that they complete are handled before this returns. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at += this.due ? this.payload(this.due, chunk, at) : this.text(chunk, at);
  }

  private text(chunk: Buffer, at: number): number {
    const lineFeed = chunk.indexOf('\n', at);
    const end = lineFeed < 0 ? chunk.length : lineFeed + 1;
    this.line += chunk.toString('latin1', at, end);
    const start = this.line.slice(0, 'connect '.length).toLowerCase();
    const [name = ''] = start.split(/[ \t\r\n]/, 1);
    if (this.connectOnly && start[0] !== 'c') throw new ProtocolError('Authorization Violation');
    const known = name === start ? PREFIXES.has(name) : Object.hasOwn(WORDS, name);
    if (!known) throw new ProtocolError('Unknown Protocol Operation');
    if (this.line.length > this.limits.maxControlLine) throw new ProtocolError('Maximum Control Line Exceeded');
    if (lineFeed >= 0) this.command(name as keyof typeof WORDS, this.line.slice(name.length).replace(/\r?\n$/, ''));
    return end - at;
  }

  private command(op: keyof typeof WORDS, text: string): void {
    const words = text.match(/[^ \t]+/g) ?? [];
    const [least = 0, most = 0] = WORDS[op];
    if (words.length < least || words.length > most || text.includes('\r')) throw new ProtocolError('Parse Error');
    const [first = '', second = '', third] = words;
    this.line = '';
    if (op === 'connect') this.handle({ op, options: connectOptions(text) });
    else if (op === 'sub') this.handle({ op, subject: first, queue: third && second, sid: third ?? second });
    else if (op === 'unsub') this.handle({ op, sid: first, max: words.length > least ? count(second) : 0 });
    else if (op === 'ping' || op === 'pong') this.handle({ op });
    else {
      const size = count(words.at(-1));
      const headerBytes = op === 'hpub' ? count(words.at(-2)) : 0;
      if (size > this.limits.maxPayload) throw new ProtocolError('Maximum Payload Violation');
      if (headerBytes > size) throw new ProtocolError('Parse Error');
      this.due = { op: 'pub', subject: first, reply: words.length > least ? second : undefined, headerBytes };
      this.size = size + 2;
    }
  }

  private payload(head: Omit<Publication, 'payload'>, chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.size - this.filled);
    if (this.filled === 0) this.body = part.length === this.size ? part : Buffer.allocUnsafe(this.size);
    if (this.body !== part) part.copy(this.body, this.filled);
    this.filled += part.length;
    if (this.filled < this.size) return part.length;
    if (this.body.readUInt16BE(this.size - 2) !== 0x0d0a) throw new ProtocolError('Parse Error');
    this.due = undefined;
    this.filled = 0;
    this.handle({ ...head, payload: this.body.subarray(0, -2) });
    return part.length;
  }
}

function count(word = ''): number {
  if (!/^\d{1,9}$/.test(word)) throw new ProtocolError('Parse Error');
  return Number(word);
}

function connectOptions(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(Buffer.from(text, 'latin1').toString())) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new ProtocolError('Parse Error', { cause });
  }
}
