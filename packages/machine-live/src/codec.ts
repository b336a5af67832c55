import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { withMarks } from './byte-order-marks.js';
import { checkEncoded, checkPlain } from './codec-check.js';
import { CodecError } from './codec-error.js';

export { MAX_DEPTH } from './codec-check.js';
export { CodecError } from './codec-error.js';

/** Largest encoding that is made or read unless the caller names another limit; bytes. */
export const MAX_ENCODED = 1 << 20;

const packr = new Packr({ useRecords: false, useToJSON: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });

/** Encodings up to this size are read from here, larger ones from a copy of their own. */
const scratch = new Uint8Array(1 << 14);

const failure = (what: string, cause: unknown): CodecError =>
  new CodecError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/**
 * Plain data as MessagePack: null, undefined, booleans, numbers, strings, arrays, plain objects and `Uint8Array`s, at most
 * `MAX_DEPTH` levels deep. Anything else, a `Map` and a bigint among them, is refused, for it would arrive as something
 * different. All numbers survive but `-0`, which arrives as 0; a hole in an array arrives as undefined, half a surrogate
 * pair as replacement characters.
 * @param limit largest encoding, bytes
 * @returns bytes of the caller's own, in a buffer of exactly their size
 * @throws CodecError
 */
export function pack(value: unknown, limit: number = MAX_ENCODED): Uint8Array {
  const { marked } = checkPlain(value, limit);
  let pooled: Uint8Array;
  try {
    pooled = packr.pack(marked ? withMarks(value) : value);
  } catch (cause) {
    throw failure('the value cannot be encoded', cause);
  }
  if (pooled.length > limit) throw new CodecError(`the value takes ${pooled.length} bytes, more than ${limit}`);
  return new Uint8Array(pooled);
}

/**
 * What `pack` was given. The bytes may come from anywhere: their shape is checked before anything is made of them, they
 * can neither name a type nor reach an object's prototype, and the result shares no memory with them.
 * @param limit largest encoding, bytes
 * @throws CodecError
 */
export function unpack(bytes: Uint8Array, limit: number = MAX_ENCODED): unknown {
  if (bytes.length > limit) throw new CodecError(`${bytes.length} bytes are more than ${limit}`);
  // A copy in memory of this thread alone: nothing changes between check and use, and msgpackr, which puts a
  // property on what it reads, puts none on the caller's.
  const own = bytes.length <= scratch.length ? scratch : new Uint8Array(bytes.length);
  own.set(bytes);
  checkEncoded(own, bytes.length);
  try {
    return unpackr.unpack(own, bytes.length);
  } catch (cause) {
    throw failure('the bytes cannot be decoded', cause);
  }
}
