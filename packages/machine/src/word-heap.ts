import type { Words } from './words.js';

/** Hands out ranges of a growing memory, and takes them back for reuse at the same size. For the memory's owner only. */
export class WordHeap {
  /** Starts of released ranges by length. */
  private readonly released = new Map<number, number[]>();

  /** @param used words at the start of the memory that are never handed out */
  constructor(
    private readonly words: Words,
    private used = 0,
  ) {}

  /** The start of `length` words, all 0. */
  allocate(length: number): number {
    let start = this.released.get(length)?.pop();
    if (start === undefined) {
      start = this.used;
      this.used += length;
      this.words.ensure(this.used);
    }
    this.words.view.fill(0, start, start + length);
    return start;
  }

  release(start: number, length: number): void {
    const starts = this.released.get(length) ?? [];
    starts.push(start);
    this.released.set(length, starts);
  }
}
