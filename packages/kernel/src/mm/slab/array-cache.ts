import type { Handle, ObjectRef, Words } from '@kmemlab/machine';

/** Words of an array_cache in memory; the entries follow. */
const Word = { set: 0, cache: 1, limit: 2, batchcount: 3, avail: 4, touched: 5, born: 6 } as const;
const HEADER = 7;

/** Words that an array of `limit` entries takes. */
export const arrayWords = (limit: number): number => HEADER + limit;

/** What an array is made with. */
export interface ArrayMade {
  /** The array set (one allocation of all CPUs' arrays) this array belongs to. */
  readonly set: Handle;
  readonly cache: Handle;
  readonly limit: number;
  readonly batchcount: number;
}

/**
 * A per-CPU array of free objects (struct array_cache): LIFO for its CPU, drained from the oldest end. The object is a
 * view of the array's memory; it does not notice by itself that its set was freed.
 */
export class ArrayCache implements ArrayMade {
  readonly set: Handle;
  readonly cache: Handle;
  readonly limit: number;
  readonly batchcount: number;
  /** Arrays of the node are numbered in the order in which they were made. */
  readonly born: number;

  /** The array that lies at `start`. */
  constructor(
    private readonly heap: Words,
    readonly start: number,
  ) {
    const { view } = heap;
    this.set = view[start + Word.set] as number;
    this.cache = view[start + Word.cache] as number;
    this.limit = view[start + Word.limit] as number;
    this.batchcount = view[start + Word.batchcount] as number;
    this.born = view[start + Word.born] as number;
  }

  /** Lay an empty array out at `start`. */
  static make(heap: Words, start: number, born: number, made: ArrayMade): void {
    const { view } = heap;
    view[start + Word.cache] = made.cache;
    view[start + Word.limit] = made.limit;
    view[start + Word.batchcount] = made.batchcount;
    view[start + Word.avail] = 0;
    view[start + Word.touched] = 0;
    view[start + Word.born] = born;
    view[start + Word.set] = made.set;
  }

  /** The array still lies here: its memory was not freed. */
  get present(): boolean {
    return this.heap.view[this.start + Word.set] === this.set;
  }

  /** From now on the array is not `present`. */
  erase(): void {
    this.heap.view[this.start + Word.set] = 0;
  }

  get avail(): number {
    return this.heap.view[this.start + Word.avail] as number;
  }

  /** Allocated from since the last cache_reap. */
  get touched(): boolean {
    return this.heap.view[this.start + Word.touched] === 1;
  }

  set touched(touched: boolean) {
    this.heap.view[this.start + Word.touched] = Number(touched);
  }

  push(object: ObjectRef): void {
    const { view } = this.heap;
    const avail = view[this.start + Word.avail] as number;
    view[this.start + HEADER + avail] = object;
    view[this.start + Word.avail] = avail + 1;
  }

  pop(): ObjectRef {
    const { view } = this.heap;
    const avail = (view[this.start + Word.avail] as number) - 1;
    view[this.start + Word.avail] = avail;
    return view[this.start + HEADER + avail] as ObjectRef;
  }

  /** Remove the `n` oldest entries; the rest moves down. */
  takeOldest(n: number): ObjectRef[] {
    const { view } = this.heap;
    const first = this.start + HEADER;
    const { avail } = this;
    const taken = copied(view, first, n);
    view.copyWithin(first, first + n, first + avail);
    view[this.start + Word.avail] = avail - n;
    return taken;
  }

  contents(): ObjectRef[] {
    return copied(this.heap.view, this.start + HEADER, this.avail);
  }
}

/** Array.from(words.subarray(…)), which is slow. */
function copied(words: Float64Array, first: number, count: number): number[] {
  const copy: number[] = [];
  for (let at = first; at < first + count; at++) copy.push(words[at] as number);
  return copy;
}
