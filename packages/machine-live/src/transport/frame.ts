/** A frame that no peer of this version may have sent; the message says what is wrong. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * A frame is a header and the messages behind it, all little-endian:
 *
 *   0 u32 magic   4 u16 version   6 u16 from   8 u16 to   10 u16 zero   12 u32 message count
 *   16 f64 number of this frame, of the last one sent if it holds no message   24 f64 number of the last frame received
 *
 * Each message is a u32 length, a u32 zero, its bytes, and zeroes up to a multiple of 8. So every message begins at a
 * multiple of 8 and may be read through typed arrays where it lies.
 */
const MAGIC = 0x6c6d656b;
export const FRAME_VERSION = 1;
export const FRAME_HEADER = 32;
const MESSAGE_HEADER = 8;

/** Who sent a frame to whom, what it is in the order of its link and how far its sender has heard the other direction. */
export interface FrameHeader {
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
  readonly acknowledged: number;
}

export interface Frame extends FrameHeader {
  /** Views on the frame's memory, each beginning at a multiple of 8. */
  readonly messages: readonly Uint8Array[];
}

/** Bytes that a message of so many bytes takes in a frame. */
export const spaceOf = (length: number): number => MESSAGE_HEADER + Math.ceil(length / 8) * 8;

function writeHeader(view: DataView, header: FrameHeader, count: number): void {
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FRAME_VERSION, true);
  view.setUint16(6, header.from, true);
  view.setUint16(8, header.to, true);
  view.setUint16(10, 0, true);
  view.setUint32(12, count, true);
  view.setFloat64(16, header.sequence, true);
  view.setFloat64(24, header.acknowledged, true);
}

/** A frame in the making: messages are copied in, the header is written last. */
export class FrameBuilder {
  private bytes: Uint8Array;
  private used = FRAME_HEADER;
  private messages = 0;

  /** @param limit bytes; a single message of any length fits an empty frame all the same */
  constructor(private readonly limit: number) {
    this.bytes = new Uint8Array(Math.min(limit, 512));
  }

  get count(): number {
    return this.messages;
  }

  get size(): number {
    return this.used;
  }

  fits(length: number): boolean {
    return this.messages === 0 || this.used + spaceOf(length) <= this.limit;
  }

  /** Copy a message in, whether or not it fits. */
  add(message: Uint8Array): void {
    const end = this.used + spaceOf(message.length);
    if (end > this.bytes.length) this.grow(end);
    new DataView(this.bytes.buffer).setUint32(this.used, message.length, true);
    this.bytes.set(message, this.used + MESSAGE_HEADER);
    this.used = end;
    this.messages++;
  }

  /** The frame, in the builder's own memory: it takes no more messages then. */
  finish(header: FrameHeader): Uint8Array {
    writeHeader(new DataView(this.bytes.buffer), header, this.messages);
    return this.bytes.subarray(0, this.used);
  }

  private grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, Math.min(this.limit, 2 * this.bytes.length)));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }
}

/** A frame without messages: it acknowledges, and shows that its sender is there. */
export function emptyFrame(header: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER);
  writeHeader(new DataView(bytes.buffer), header, 0);
  return bytes;
}

/** Whole frames that arrive at no multiple of 8 are moved to one. */
const aligned = (data: Uint8Array): Uint8Array => (data.byteOffset % 8 === 0 ? data : new Uint8Array(data));

function frameNumber(view: DataView, offset: number, what: string): number {
  const value = view.getFloat64(offset, true);
  if (!Number.isSafeInteger(value) || value < 0) throw new FrameError(`the ${what} number ${value} is none`);
  return value;
}

function messageAt(bytes: Uint8Array, view: DataView, offset: number): Uint8Array {
  if (offset + MESSAGE_HEADER > bytes.length) throw new FrameError(`the frame of ${bytes.length} bytes ends too early`);
  const length = view.getUint32(offset, true);
  const start = offset + MESSAGE_HEADER;
  if (offset + spaceOf(length) > bytes.length) {
    throw new FrameError(`a message of ${length} bytes does not fit in what is left, ${bytes.length - start} bytes`);
  }
  if (view.getUint32(offset + 4, true) !== 0) throw new FrameError('a message header has bits that mean nothing');
  return bytes.subarray(start, start + length);
}

/**
 * The frame in these bytes, all of it checked. Its messages are views on `data`, or on a copy if that is not aligned;
 * what is allocated besides is in proportion to the bytes that are there.
 * @throws FrameError
 */
export function decodeFrame(data: Uint8Array): Frame {
  if (data.length < FRAME_HEADER) throw new FrameError(`${data.length} bytes are no frame`);
  const bytes = aligned(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new FrameError('the bytes are no frame');
  const version = view.getUint16(4, true);
  if (version !== FRAME_VERSION) throw new FrameError(`the frame has version ${version}, not ${FRAME_VERSION}`);
  if (view.getUint16(10, true) !== 0) throw new FrameError('the frame header has bits that mean nothing');
  const count = view.getUint32(12, true);
  const messages: Uint8Array[] = [];
  let offset = FRAME_HEADER;
  for (let n = 0; n < count; n++) {
    const message = messageAt(bytes, view, offset);
    offset += spaceOf(message.length);
    messages.push(message);
  }
  if (offset !== bytes.length) throw new FrameError(`${bytes.length - offset} bytes follow the last message`);
  return {
    from: view.getUint16(6, true),
    to: view.getUint16(8, true),
    sequence: frameNumber(view, 16, 'frame'),
    acknowledged: frameNumber(view, 24, 'acknowledged'),
    messages,
  };
}
