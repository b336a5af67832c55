import { MAX_ENCODED, pack, unpack } from '../codec.js';
import { isPeer, type Peer } from './types.js';

/** Of the chunk format; the first field of every chunk. */
const VERSION = 1;

/** Bytes that a chunk's own fields may take. */
const CHUNK_HEADER = 64;

/** Largest message, in bytes: half of what a server lets a slow reader leave unread. */
export const MAX_MESSAGE = 32 << 20;

/** Cuts a message into frames of at most `maxPayload` bytes. */
export function cut(message: Uint8Array, from: Peer, sequence: number, maxPayload: number): Uint8Array[] {
  const size = Math.min(maxPayload, MAX_ENCODED) - CHUNK_HEADER;
  const count = Math.max(1, Math.ceil(message.length / size));
  return Array.from({ length: count }, (_, index) =>
    pack([VERSION, from, sequence, index, count, message.subarray(index * size, (index + 1) * size)]),
  );
}

interface Partial {
  readonly sequence: number;
  readonly count: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

/** A message whose chunks have all arrived. */
export interface Whole {
  readonly from: Peer;
  readonly bytes: Uint8Array;
}

/** Puts messages together again. A peer sends one after the other, so there is at most one unfinished message for each. */
export class Assembler {
  /** Frames that were no chunk, or not the expected one; they and what they belonged to were dropped. */
  malformed = 0;
  private readonly partials = new Map<Peer, Partial>();

  /** The message that this frame completes, if it does. */
  accept(frame: Uint8Array): Whole | undefined {
    const fields = unpacked(frame);
    if (!Array.isArray(fields) || fields.length !== 6) return this.drop();
    const [version, from, sequence, index, count, body] = fields as readonly unknown[];
    if (version !== VERSION || !isPeer(from) || !(body instanceof Uint8Array)) return this.drop();
    if (typeof sequence !== 'number' || typeof index !== 'number' || typeof count !== 'number') return this.drop();
    if (index === 0) return this.begin(from, sequence, count, body);
    return this.append(from, sequence, index, body);
  }

  private drop(from?: Peer): undefined {
    this.malformed++;
    if (from !== undefined) this.partials.delete(from);
  }

  private begin(from: Peer, sequence: number, count: number, body: Uint8Array): Whole | undefined {
    if (this.partials.has(from)) this.drop(from);
    if (count === 1) return { from, bytes: body };
    this.partials.set(from, { sequence, count, parts: [body], bytes: body.length });
    return undefined;
  }

  private append(from: Peer, sequence: number, index: number, body: Uint8Array): Whole | undefined {
    const partial = this.partials.get(from);
    if (partial === undefined || partial.sequence !== sequence || partial.parts.length !== index)
      return this.drop(from);
    partial.bytes += body.length;
    if (partial.bytes > MAX_MESSAGE) return this.drop(from);
    partial.parts.push(body);
    if (partial.parts.length < partial.count) return undefined;
    this.partials.delete(from);
    return { from, bytes: joined(partial) };
  }
}

function joined({ parts, bytes }: Partial): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What bytes from the wire hold, or undefined if our codec did not write them. */
export function unpacked(bytes: Uint8Array, limit?: number): unknown {
  try {
    return unpack(bytes, limit);
  } catch {
    return undefined;
  }
}
