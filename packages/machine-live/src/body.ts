import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/**
 * Plain data of the kernel model as the body of a message. Unlike `pack` it trusts what it gets: it is for what threads of
 * this process say to each other, and for bodies from elsewhere that have been checked on arrival.
 * @returns bytes that are part of a larger buffer; whoever keeps them copies them
 */
export const encodeBody = (value: unknown): Uint8Array => packr.pack(value);

/** The body of a handler's arguments; null if there are none. */
export const encodeArguments = (args: unknown): Uint8Array | null =>
  args === undefined || args === null ? null : encodeBody(args);

export const decodeBody = (bytes: Uint8Array): unknown => unpackr.unpack(bytes);
