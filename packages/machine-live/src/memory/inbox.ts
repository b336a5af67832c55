import { CELL, HEAD_CELLS, MAX_BODY, type Message } from '../message.js';

/** Control words, before the cells: how far the reader and the writers are, in cells, modulo 2^32. */
const HEAD = 0;
const TAIL = 1;
/** Set by a writer that found no room; the reader looks after it has made some. */
const WANTED = 2;
/** Counts the times that room was made, for writers that sleep. */
const ROOM = 3;
const CONTROL_WORDS = 16;

/**
 * Messages to one thread from any thread of its process: a ring of 8-byte cells in shared memory. Writers reserve room by
 * moving the tail, write, and publish a record by storing its length; the one reader clears what it has read, so that a
 * length of 0 always means "not there yet". Messages of one writer keep their order.
 */
export class Inbox {
  private readonly control: Int32Array;
  private readonly cells: Float64Array;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly capacity: number;

  constructor(readonly buffer: SharedArrayBuffer) {
    const start = CONTROL_WORDS * 4;
    this.control = new Int32Array(buffer, 0, CONTROL_WORDS);
    this.cells = new Float64Array(buffer, start);
    this.words = new Int32Array(buffer, start);
    this.bytes = new Uint8Array(buffer, start);
    this.capacity = this.cells.length;
  }

  /** @param capacity cells of 8 bytes, a power of two */
  static create(capacity: number): Inbox {
    return new Inbox(new SharedArrayBuffer(CONTROL_WORDS * 4 + capacity * CELL));
  }

  /** Longest body that fits, bytes. */
  get longestBody(): number {
    return Math.min(MAX_BODY, (this.capacity / 2 - HEAD_CELLS - 1) * CELL);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.control, HEAD) === Atomics.load(this.control, TAIL);
  }

  /**
   * Append a message. False if there is no room now.
   * @throws Error if its body can never fit
   */
  push(message: Message): boolean {
    const { body } = message;
    const bodyLength = body?.length ?? 0;
    if (bodyLength > this.longestBody) {
      throw new Error(`a message with ${bodyLength} bytes is too long; ${this.longestBody} fit`);
    }
    const cells = HEAD_CELLS + Math.ceil(bodyLength / CELL);
    const at = this.reserve(cells);
    if (at < 0) return false;
    const head = this.cells;
    head[at + 1] = message.kind;
    head[at + 2] = message.node;
    head[at + 3] = message.cpu;
    head[at + 4] = message.a;
    head[at + 5] = message.b;
    head[at + 6] = message.c;
    head[at + 7] = message.d;
    this.words[2 * at + 1] = body === null ? -1 : bodyLength;
    if (body !== null) this.bytes.set(body, (at + HEAD_CELLS) * CELL);
    Atomics.store(this.words, 2 * at, cells);
    return true;
  }

  /** Take the oldest message. False if there is none. */
  pull(into: Message): boolean {
    for (;;) {
      const head = Atomics.load(this.control, HEAD);
      const at = head & (this.capacity - 1);
      const cells = Atomics.load(this.words, 2 * at);
      if (cells === 0) return false;
      if (cells > 0) this.read(at, into);
      this.cells.fill(0, at, at + (cells > 0 ? cells : 1));
      this.release((head + Math.abs(cells)) | 0);
      if (cells > 0) return true;
    }
  }

  /** After a refused push: sleep until the reader has made room, at most `ms`. */
  waitForRoom(ms: number): void {
    const seen = Atomics.load(this.control, ROOM);
    Atomics.store(this.control, WANTED, 1);
    if (!this.isFull) return;
    Atomics.wait(this.control, ROOM, seen, ms);
  }

  private get isFull(): boolean {
    const used = (Atomics.load(this.control, TAIL) - Atomics.load(this.control, HEAD)) | 0;
    return used > this.capacity / 2;
  }

  private read(at: number, into: Message): void {
    const { cells } = this;
    const length = this.words[2 * at + 1] as number;
    const start = (at + HEAD_CELLS) * CELL;
    into.kind = cells[at + 1] as number;
    into.node = cells[at + 2] as number;
    into.cpu = cells[at + 3] as number;
    into.a = cells[at + 4] as number;
    into.b = cells[at + 5] as number;
    into.c = cells[at + 6] as number;
    into.d = cells[at + 7] as number;
    into.body = length < 0 ? null : this.bytes.slice(start, start + length);
  }

  private release(head: number): void {
    Atomics.store(this.control, HEAD, head);
    if (Atomics.load(this.control, WANTED) === 0 || this.isFull) return;
    Atomics.store(this.control, WANTED, 0);
    Atomics.add(this.control, ROOM, 1);
    Atomics.notify(this.control, ROOM);
  }

  /** Room for a record that does not wrap; what is left before the end is skipped. Answers its first cell, −1 if full. */
  private reserve(cells: number): number {
    const { capacity, control } = this;
    for (;;) {
      const tail = Atomics.load(control, TAIL);
      const at = tail & (capacity - 1);
      const skipped = at + cells > capacity ? capacity - at : 0;
      const end = (tail + skipped + cells) | 0;
      if (((end - Atomics.load(control, HEAD)) | 0) > capacity) return -1;
      if (Atomics.compareExchange(control, TAIL, tail, end) !== tail) continue;
      if (skipped === 0) return at;
      Atomics.store(this.words, 2 * at, -skipped);
      return 0;
    }
  }
}
