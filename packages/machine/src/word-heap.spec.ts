import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WordHeap } from './word-heap.js';
import { PrivateMemory } from './words.js';

describe('WordHeap', () => {
  it('hands out zeros, also where something was before', () => {
    const words = new PrivateMemory().words();
    const heap = new WordHeap(words, 3);
    const start = heap.allocate(10);
    expect(start).toBe(3);
    words.view.fill(7, start, start + 10);
    heap.release(start, 10);
    expect(heap.allocate(10)).toBe(start);
    expect(words.view.subarray(start, start + 10).every((word) => word === 0)).toBe(true);
  });

  it('never hands out a word twice at the same time', () => {
    const step = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant('release' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new WordHeap(new PrivateMemory().words());
        const live: [start: number, length: number][] = [];
        for (const what of steps) {
          if (what !== 'release') live.push([heap.allocate(what), what]);
          else heap.release(...(live.shift() ?? [0, 0]));
          const owned = live.flatMap(([start, length]) => Array.from({ length }, (_, n) => start + n));
          expect(new Set(owned).size).toBe(owned.length);
        }
      }),
      { seed: 3 },
    );
  });
});
