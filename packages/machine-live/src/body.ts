import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { withMarks } from './byte-order-marks.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });

/** What a byte order mark begins with in UTF-8, and few bodies contain. */
const MARK_BYTE = 0xef;

/** Bodies up to this size are read from here: a reader of each body's own bytes would take twice as long. */
const scratch = new Uint8Array(1 << 12);

/**
 * Plain data of the kernel model as the body of a message. Unlike `pack` it trusts what it gets: it is for what threads of
 * this process say to each other, and for bodies from elsewhere that have been checked on arrival.
 * @returns bytes that are part of a larger buffer; whoever keeps them copies them
 */
export function encodeBody(value: unknown): Uint8Array {
  const bytes = packr.pack(value);
  return bytes.includes(MARK_BYTE) ? packr.pack(withMarks(value)) : bytes;
}

/** The body of a handler's arguments; null if there are none. */
export const encodeArguments = (args: unknown): Uint8Array | null =>
  args === undefined || args === null ? null : encodeBody(args);

export function decodeBody(bytes: Uint8Array): unknown {
  const { length } = bytes;
  if (length > scratch.length) return unpackr.unpack(bytes);
  scratch.set(bytes);
  return unpackr.unpack(scratch, length);
}
