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
const [TAB, LF, CR, SPACE] = [9, 10, 13, 32];

/**
 * Reads a client's side of the protocol from chunks cut anywhere. A payload within one chunk is handed on as a view of
 * it, one that spans chunks is copied once. Throws a ProtocolError at the first wrong byte and is then finished.
 */
export class Parser {
  /** Until this is cleared no operation but CONNECT may begin. */
  connectOnly = true;
  private step: 'operation' | 'words' | 'payload' | 'carriageReturn' | 'lineFeed' = 'operation';
  private name = '';
  private line = '';
  private publication: Publication | undefined;
  private filled = 0;

  constructor(
    private readonly limits: { readonly maxControlLine: number; readonly maxPayload: number },
    private readonly handle: (command: Command) => void,
  ) {}

  /** Take the next bytes; the commands that they complete are handled before this returns. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this[this.step](chunk, at);
  }

  private operation(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (this.name in WORDS && (byte === SPACE || byte === TAB || byte === CR || byte === LF)) {
      this.step = 'words';
      return at;
    }
    this.name += String.fromCharCode(byte | 0x20);
    if (this.connectOnly && this.name[0] !== 'c') throw new ProtocolError('Authorization Violation');
    if (!PREFIXES.has(this.name)) throw new ProtocolError('Unknown Protocol Operation');
    return at + 1;
  }

  private words(chunk: Buffer, at: number): number {
    const limit = Math.min(chunk.length, at + this.limits.maxControlLine + 1 - this.line.length);
    let end = at;
    while (end < limit && chunk[end] !== CR && chunk[end] !== LF) end++;
    this.line += chunk.toString('latin1', at, end);
    if (this.line.length > this.limits.maxControlLine) throw new ProtocolError('Maximum Control Line Exceeded');
    if (end < chunk.length) this.step = chunk[end] === CR ? 'carriageReturn' : 'lineFeed';
    return end;
  }

  private payload(chunk: Buffer, at: number): number {
    const { payload } = this.publication as Publication;
    const copied = chunk.copy(payload, this.filled, at);
    this.filled += copied;
    if (this.filled === payload.length) this.step = 'carriageReturn';
    return at + copied;
  }

  private carriageReturn(chunk: Buffer, at: number): number {
    if (chunk[at] !== CR) throw new ProtocolError('Parse Error');
    this.step = 'lineFeed';
    return at + 1;
  }

  private lineFeed(chunk: Buffer, at: number): number {
    if (chunk[at] !== LF) throw new ProtocolError('Parse Error');
    this.step = 'operation';
    if (this.publication === undefined) return this.endOfLine(chunk, at + 1);
    this.finish(this.publication);
    return at + 1;
  }

  /** A control line is complete; a payload, where one belongs to it, starts at `at`. */
  private endOfLine(chunk: Buffer, at: number): number {
    const op = this.name as keyof typeof WORDS;
    const words = this.line.match(/[^ \t]+/g) ?? [];
    const [least = 0, most = 0] = WORDS[op];
    if (words.length < least || words.length > most) throw new ProtocolError('Parse Error');
    const [first = '', second = '', third] = words;
    if (op === 'connect') this.finish({ op, options: connectOptions(this.line) });
    else if (op === 'sub') this.finish({ op, subject: first, queue: third && second, sid: third ?? second });
    else if (op === 'unsub') this.finish({ op, sid: first, max: words.length > least ? count(second) : 0 });
    else if (op === 'ping' || op === 'pong') this.finish({ op });
    if (op !== 'pub' && op !== 'hpub') return at;
    const size = count(words.at(-1));
    const headerBytes = op === 'hpub' ? count(words.at(-2)) : 0;
    if (size > this.limits.maxPayload) throw new ProtocolError('Maximum Payload Violation');
    if (headerBytes > size) throw new ProtocolError('Parse Error');
    const whole = chunk.length - at >= size;
    const payload = whole ? chunk.subarray(at, at + size) : Buffer.allocUnsafe(size);
    const reply = words.length > least ? second : undefined;
    this.publication = { op: 'pub', subject: first, reply, headerBytes, payload };
    this.step = whole ? 'carriageReturn' : 'payload';
    return whole ? at + size : at;
  }

  private finish(command: Command): void {
    this.name = this.line = '';
    this.publication = undefined;
    this.filled = 0;
    this.handle(command);
  }
}

function count(word = ''): number {
  if (!/^\d{1,9}$/.test(word)) throw new ProtocolError('Parse Error');
  return Number(word);
}

function connectOptions(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(Buffer.from(line, 'latin1').toString())) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new ProtocolError('Parse Error', { cause });
  }
}
