import { PrivateMemory } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrayCache, arrayWords } from './array-cache.js';

/** Where the arrays lie: not at the beginning. */
const START = 5;

function filled(objects: readonly number[], limit = 120): ArrayCache {
  const heap = new PrivateMemory().words();
  heap.ensure(START + arrayWords(limit));
  ArrayCache.make(heap, START, 3, { set: 1, cache: 2, limit, batchcount: 60 });
  const array = new ArrayCache(heap, START);
  for (const object of objects) array.push(object);
  return array;
}

describe('ArrayCache', () => {
  it('is what it was made with, empty and untouched', () => {
    expect(filled([])).toMatchObject({
      set: 1,
      cache: 2,
      limit: 120,
      batchcount: 60,
      born: 3,
      avail: 0,
      touched: false,
    });
  });

  it('is present until it is erased', () => {
    const array = filled([]);
    expect(array.present).toBe(true);
    array.erase();
    expect(array.present).toBe(false);
  });

  it('hands the object freed last out first', () => {
    const array = filled([1, 2, 3]);
    expect([array.pop(), array.pop(), array.pop()]).toEqual([3, 2, 1]);
    expect(array.avail).toBe(0);
  });

  it('gives its oldest entries back and keeps the rest in order', () => {
    const array = filled([1, 2, 3, 4, 5]);
    expect(array.takeOldest(2)).toEqual([1, 2]);
    expect(array.contents()).toEqual([3, 4, 5]);
    expect(array.pop()).toBe(5);
  });

  it('is neither touched by a push nor by taking the oldest: only allocation touches it', () => {
    const array = filled([1, 2]);
    array.takeOldest(1);
    expect(array.touched).toBe(false);
  });

  it('keeps object references of the full 52 bits exactly', () => {
    const largest = 2 ** 52 - 1;
    expect(filled([largest]).pop()).toBe(largest);
  });

  it('agrees with a list under any sequence of pushes, pops and flushes', () => {
    const operation = fc.oneof(fc.constant('push'), fc.constant('pop'), fc.nat({ max: 8 }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
        const array = filled([], 8);
        const model: number[] = [];
        operations.forEach((op, n) => {
          if (op === 'push' && model.length < array.limit) {
            array.push(n);
            model.push(n);
          } else if (op === 'pop' && model.length > 0) expect(array.pop()).toBe(model.pop());
          else if (typeof op === 'number') {
            const most = Math.min(op, model.length);
            expect(array.takeOldest(most)).toEqual(model.splice(0, most));
          }
          expect(array.contents()).toEqual(model);
          expect(array.avail).toBe(model.length);
        });
      }),
      { seed: 14 },
    );
  });
});
