import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdAllocator } from './id-allocator.js';

describe('IdAllocator', () => {
  it('counts up from 0', () => {
    const ids = new IdAllocator();
    expect(Array.from({ length: 4 }, () => ids.allocate())).toEqual([0, 1, 2, 3]);
  });

  it('gives a freed id to the next that asks', () => {
    const ids = new IdAllocator();
    for (let n = 0; n < 5; n++) ids.allocate();
    ids.free(1);
    expect(ids.allocate()).toBe(1);
    expect(ids.allocate()).toBe(5);
  });

  it('always gives the lowest number that is free, under any sequence of operations', () => {
    const operation = fc.option(fc.nat(), { nil: 'allocate' as const });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const ids = new IdAllocator();
        const used = new Set<number>();
        for (const op of operations) {
          const taken = [...used];
          if (op === 'allocate') {
            let lowest = 0;
            while (used.has(lowest)) lowest++;
            expect(ids.allocate()).toBe(lowest);
            used.add(lowest);
          } else if (taken.length > 0) {
            const victim = taken[op % taken.length] as number;
            ids.free(victim);
            used.delete(victim);
          }
        }
      }),
      { seed: 15 },
    );
  });
});
