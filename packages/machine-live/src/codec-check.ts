import { CodecError } from './codec-error.js';

/** Levels of arrays and objects inside one another; a bare array is one. */
export const MAX_DEPTH = 64;

const tooDeep = () => new CodecError(`the value nests deeper than ${MAX_DEPTH} levels`);

/** U+FEFF, the byte order mark. */
export const MARK = 0xfeff;

/** Walks a value that is to be encoded; `size` is a lower bound of its encoding, which also ends the walk of shared parts. */
class PlainWalk {
  private size = 0;
  /** Some text begins with a byte order mark. */
  marked = false;

  constructor(private readonly limit: number) {}

  visit(value: unknown, depth: number): void {
    this.grow(1);
    if (typeof value === 'string') this.visitText(value);
    else if (typeof value === 'object' && value !== null) this.visitObject(value, depth);
    else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') {
      throw new CodecError(`a ${typeof value} is not plain data`);
    }
  }

  private visitText(text: string): void {
    this.grow(text.length);
    this.marked ||= text.charCodeAt(0) === MARK;
  }

  private grow(bytes: number): void {
    this.size += bytes;
    if (this.size > this.limit) throw new CodecError(`the value takes more than ${this.limit} bytes`);
  }

  private visitObject(value: object, depth: number): void {
    if (value instanceof Uint8Array) {
      this.grow(value.byteLength);
      return;
    }
    if (depth === MAX_DEPTH) throw tooDeep();
    if (Array.isArray(value)) {
      for (let at = 0; at < value.length; at++) this.visit(value[at], depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new CodecError(`a ${value.constructor.name || 'class instance'} is not plain data`);
    }
    for (const [key, member] of Object.entries(value)) {
      if (key === '__proto__') throw new CodecError('an object has a key named __proto__');
      this.grow(1);
      this.visitText(key);
      this.visit(member, depth + 1);
    }
  }
}

/**
 * Whether some text in the value begins with a byte order mark.
 * @throws CodecError if the value is not plain data, nests too deeply or certainly takes more than `limit` bytes
 */
export function checkPlain(value: unknown, limit: number): { readonly marked: boolean } {
  const walk = new PlainWalk(limit);
  walk.visit(value, 0);
  return walk;
}

/** What a first byte announces: a scalar of so many more bytes, text or bytes, an array, a map; their count may follow. */
const Kind = { scalar: 0, text: 1, bytes: 2, array: 3, map: 4, undefined: 5, invalid: 6 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];

const KIND = new Uint8Array(256);
/** Of a scalar, the bytes that follow; of the others, the bytes of the count that follows, 0 if the first byte holds it. */
const EXTRA = new Uint8Array(256);

function announce(first: number, last: number, kind: Kind, extra: (byte: number) => number): void {
  for (let byte = first; byte <= last; byte++) {
    KIND[byte] = kind;
    EXTRA[byte] = extra(byte);
  }
}

announce(0x00, 0x7f, Kind.scalar, () => 0);
announce(0x80, 0x8f, Kind.map, () => 0);
announce(0x90, 0x9f, Kind.array, () => 0);
announce(0xa0, 0xbf, Kind.text, () => 0);
announce(0xc0, 0xc3, Kind.scalar, () => 0);
announce(0xc1, 0xc1, Kind.invalid, () => 0);
announce(0xc4, 0xc6, Kind.bytes, (byte) => 1 << (byte - 0xc4));
announce(0xc7, 0xc9, Kind.invalid, () => 0);
announce(0xca, 0xcb, Kind.scalar, (byte) => 4 << (byte - 0xca));
announce(0xcc, 0xcf, Kind.scalar, (byte) => 1 << (byte - 0xcc));
announce(0xd0, 0xd3, Kind.scalar, (byte) => 1 << (byte - 0xd0));
announce(0xd4, 0xd4, Kind.undefined, () => 2);
announce(0xd5, 0xd8, Kind.invalid, () => 0);
announce(0xd9, 0xdb, Kind.text, (byte) => 1 << (byte - 0xd9));
announce(0xdc, 0xdd, Kind.array, (byte) => 2 << (byte - 0xdc));
announce(0xde, 0xdf, Kind.map, (byte) => 2 << (byte - 0xde));
announce(0xe0, 0xff, Kind.scalar, () => 0);

/** The bits of a first byte that hold the count, by kind. */
const COUNT_BITS = { [Kind.text]: 0x1f, [Kind.array]: 0x0f, [Kind.map]: 0x0f };

const PROTO = [...'__proto__'].map((letter) => letter.charCodeAt(0));

/** Walks an encoding without making anything of it and without recursion. */
class EncodedWalk {
  private bytes: Uint8Array = new Uint8Array(0);
  private end = 0;
  private at = 0;
  private depth = 0;
  /** By level, the items still to come: of a map, two for each entry. */
  private readonly left = new Float64Array(MAX_DEPTH + 1);
  private readonly inMap = new Uint8Array(MAX_DEPTH + 1);

  run(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
    this.at = 0;
    this.depth = 0;
    this.left[0] = 1;
    while (this.depth >= 0) {
      const left = this.left[this.depth] as number;
      if (left === 0) this.depth--;
      else {
        this.left[this.depth] = left - 1;
        this.item(this.inMap[this.depth] === 1 && left % 2 === 0);
      }
    }
    if (this.at !== this.end) throw this.wrong(`${this.end - this.at} bytes are left over`);
  }

  private wrong(what: string): CodecError {
    return new CodecError(`${what} (byte ${this.at} of ${this.end})`);
  }

  private skip(count: number): void {
    if (count > this.end - this.at) throw this.wrong('the encoding ends early');
    this.at += count;
  }

  private item(isKey: boolean): void {
    const start = this.at;
    this.skip(1);
    const first = this.bytes[start] as number;
    const kind = KIND[first] as Kind;
    if (isKey && kind !== Kind.text) throw this.wrong('a key is not text');
    switch (kind) {
      case Kind.scalar:
        this.skip(EXTRA[first] as number);
        break;
      case Kind.text:
        this.text(this.count(first, COUNT_BITS[kind]), isKey);
        break;
      case Kind.bytes:
        this.skip(this.count(first, 0));
        break;
      case Kind.array:
        this.enter(this.count(first, COUNT_BITS[kind]), false);
        break;
      case Kind.map:
        this.enter(2 * this.count(first, COUNT_BITS[kind]), true);
        break;
      case Kind.undefined:
        this.skip(2);
        if (this.bytes[start + 1] !== 0) throw this.wrong('an extension type');
        break;
      default:
        throw this.wrong(`an item of type 0x${first.toString(16)}`);
    }
  }

  private count(first: number, bits: number): number {
    const extra = EXTRA[first] as number;
    if (extra === 0) return first & bits;
    this.skip(extra);
    let count = 0;
    for (let at = this.at - extra; at < this.at; at++) count = 256 * count + (this.bytes[at] as number);
    return count;
  }

  private text(length: number, isKey: boolean): void {
    const start = this.at;
    this.skip(length);
    if (isKey && length === PROTO.length && PROTO.every((byte, n) => this.bytes[start + n] === byte)) {
      throw this.wrong('a key is named __proto__');
    }
  }

  private enter(items: number, inMap: boolean): void {
    if (items > this.end - this.at) throw this.wrong('more items are announced than there are bytes');
    if (this.depth === MAX_DEPTH) throw tooDeep();
    this.depth++;
    this.left[this.depth] = items;
    this.inMap[this.depth] = inMap ? 1 : 0;
  }
}

const encodedWalk = new EncodedWalk();

/**
 * See that the bytes up to `end` are one value as `pack` may write it: no extension types, text as keys, not too deep.
 * @throws CodecError
 */
export function checkEncoded(bytes: Uint8Array, end: number = bytes.length): void {
  encodedWalk.run(bytes, end);
}
