import { type Memory, roomFor, type Words } from './words.js';

/** Address space reserved for each growing array, in bytes; only what is in use takes memory. */
const RESERVED_BYTES = 256 * 2 ** 20;

const WORD = Float64Array.BYTES_PER_ELEMENT;

/** Views have a fixed length, since those that follow their buffer's length are many times slower. */
class SharedWords implements Words {
  view: Float64Array;

  constructor(
    private readonly buffer: SharedArrayBuffer,
    private readonly owned: boolean,
  ) {
    this.view = viewOf(buffer);
  }

  ensure(length: number): void {
    if (length <= this.view.length || length <= this.refresh().length) return;
    if (!this.owned) throw new Error(`only its owner can make shared memory grow to ${length} words`);
    const most = this.buffer.maxByteLength / WORD;
    if (length > most) throw new Error(`shared memory cannot grow to ${length} words: one array holds at most ${most}`);
    this.buffer.grow(WORD * Math.min(roomFor(length, this.view.length), most));
    this.view = viewOf(this.buffer);
  }

  refresh(): Float64Array {
    if (this.buffer.byteLength > this.view.byteLength) this.view = viewOf(this.buffer);
    return this.view;
  }
}

const viewOf = (buffer: SharedArrayBuffer): Float64Array =>
  new Float64Array(buffer, 0, Math.floor(buffer.byteLength / WORD));

/** Memory of a node whose CPUs run in threads of their own. They attach to `buffers`. */
export class SharedMemory implements Memory {
  readonly buffers: SharedArrayBuffer[] = [];

  /** @param reserved most bytes that one growing array can take */
  constructor(private readonly reserved = RESERVED_BYTES) {}

  words(): Words {
    const buffer = new SharedArrayBuffer(0, { maxByteLength: this.reserved });
    this.buffers.push(buffer);
    return new SharedWords(buffer, true);
  }

  integers(length: number): Int32Array {
    const buffer = new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT);
    this.buffers.push(buffer);
    return new Int32Array(buffer);
  }
}

/** The memory that another thread made: the same buffers in the same order. */
export class AttachedMemory implements Memory {
  private attached = 0;

  constructor(private readonly buffers: readonly SharedArrayBuffer[]) {}

  words(): Words {
    return new SharedWords(this.next(), false);
  }

  integers(length: number): Int32Array {
    const integers = new Int32Array(this.next());
    if (integers.length !== length) throw new Error(`shared memory of ${integers.length} integers, expected ${length}`);
    return integers;
  }

  private next(): SharedArrayBuffer {
    const buffer = this.buffers[this.attached++];
    if (buffer === undefined) throw new Error(`shared memory has ${this.buffers.length} parts, more are asked for`);
    return buffer;
  }
}
