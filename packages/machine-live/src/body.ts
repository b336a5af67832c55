import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });

/** Bodies up to this size are read from here: a reader of each body's own bytes would take twice as long. */
const scratch = new Uint8Array(1 << 12);

/**
 * Plain data of the kernel model as the body of a message. Unlike `pack` it trusts what it gets: it is for what threads of
 * this process say to each other, and for bodies from elsewhere that have been checked on arrival.
 * @returns bytes that are part of a larger buffer; whoever keeps them copies them
 */
export const encodeBody = (value: unknown): Uint8Array => packr.pack(value);

/** The body of a handler's arguments; null if there are none. */
export const encodeArguments = (args: unknown): Uint8Array | null =>
  args === undefined || args === null ? null : encodeBody(args);

export function decodeBody(bytes: Uint8Array): unknown {
  const { length } = bytes;
  if (length > scratch.length) return unpackr.unpack(bytes);
  scratch.set(bytes);
  return unpackr.unpack(scratch, length);
}
