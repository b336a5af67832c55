import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  generationOf,
  HandleTable,
  homeOf,
  indexOf,
  MAX_NODES,
  makeHandle,
  makeObject,
  nodeOfObject,
  pageOf,
  slotOf,
} from './handle.js';
import { type Step, VerdictError } from './verdict.js';

const step = (fn: string, time: number): Step => ({ cpu: 1, task: 'script', function: fn, time });

/** The verdict that `act` ends in. */
function verdictOf(act: () => unknown) {
  try {
    act();
  } catch (error) {
    if (error instanceof VerdictError) return error.verdict;
    throw error;
  }
  throw new Error('no verdict');
}

const parts = fc.record({
  node: fc.nat({ max: MAX_NODES - 1 }),
  index: fc.nat({ max: 2 ** 23 - 1 }),
  generation: fc.integer({ min: 1, max: 2 ** 14 - 1 }),
  slot: fc.nat({ max: 255 }),
});

describe('handle', () => {
  it('gives node, index, generation and slot back, up to the limits of their bits', () => {
    const limits = { node: MAX_NODES - 1, index: 2 ** 23 - 1, generation: 2 ** 14 - 1, slot: 255 };
    fc.assert(
      fc.property(parts, ({ node, index, generation, slot }) => {
        const handle = makeHandle(node, index, generation);
        const object = makeObject(handle, slot);
        expect([homeOf(handle), indexOf(handle), generationOf(handle)]).toEqual([node, index, generation]);
        expect([pageOf(object), slotOf(object), nodeOfObject(object)]).toEqual([handle, slot, node]);
        expect(Number.isSafeInteger(object)).toBe(true);
      }),
      { seed: 1, examples: [[limits], [{ ...limits, node: 0 }], [{ node: 0, index: 0, generation: 1, slot: 0 }]] },
    );
  });

  it('differs for any two different triples', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = a.node === b.node && a.index === b.index && a.generation === b.generation;
        expect(makeHandle(a.node, a.index, a.generation) === makeHandle(b.node, b.index, b.generation)).toBe(same);
      }),
      { seed: 2 },
    );
  });
});

describe('HandleTable', () => {
  it('never hands out the null handle, and handles of its own node only', () => {
    const table = new HandleTable<string>('thing', 3);
    const handles = ['a', 'b'].map((record) => table.allocate(record));
    expect(handles).not.toContain(0);
    expect(handles.map(homeOf)).toEqual([3, 3]);
    expect(table.live).toBe(2);
  });

  it('ends an access through a stale handle in use-after-free with the freeing and the accessing step', () => {
    const table = new HandleTable<string>('css', 0);
    const handle = table.allocate('old');
    const freed = step('css_free_work_fn', 100);
    expect(table.release(handle, freed)).toBe('old');
    const reused = table.allocate('new');
    expect(indexOf(reused)).toBe(indexOf(handle));
    const access = step('memcg_kmem_put_cache', 250);
    const verdict = verdictOf(() => table.get(handle, () => access));
    expect(verdict).toMatchObject({ class: 'use-after-free', steps: [freed, access] });
    expect(verdict.object).toContain('css');
    expect(verdict.detail).toContain('css_free_work_fn');
    expect(table.peek(handle)).toBeUndefined();
    expect(table.get(reused, () => access)).toBe('new');
  });

  it('ends a second release in double-destroy with both releasing steps', () => {
    const table = new HandleTable<string>('kmem_cache', 0);
    const handle = table.allocate('cache');
    const first = step('shutdown', 1);
    const second = step('shutdown again', 2);
    table.release(handle, first);
    expect(verdictOf(() => table.release(handle, second))).toMatchObject({
      class: 'double-destroy',
      steps: [first, second],
    });
    expect(table.live).toBe(0);
  });

  it('ends an access through a handle that was never given out in use-after-free with the accessing step alone', () => {
    const table = new HandleTable<string>('page', 0);
    const access = step('kmem_cache_free', 5);
    expect(verdictOf(() => table.get(makeHandle(0, 7, 1), () => access)).steps).toEqual([access]);
  });

  it('agrees with a map of what is allocated, under any sequence of operations', () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('allocate' as const) }),
      fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const table = new HandleTable<number>('thing', 5);
        const model = new Map<number, number>();
        const dead: number[] = [];
        operations.forEach((op, n) => {
          const live = [...model.keys()];
          if (op.kind === 'allocate') model.set(table.allocate(n), n);
          else if (live.length > 0) {
            const victim = live[op.pick % live.length] as number;
            expect(table.release(victim, step('free', n))).toBe(model.get(victim));
            model.delete(victim);
            dead.push(victim);
          }
        });
        expect(new Map(table.entries())).toEqual(model);
        expect(table.live).toBe(model.size);
        for (const handle of dead) expect(table.peek(handle)).toBeUndefined();
      }),
      { seed: 3 },
    );
  });

  it('gives one index 2^14 − 1 different handles before a handle comes again', () => {
    const table = new HandleTable<number>('thing', 0);
    const seen = new Set<number>();
    for (let n = 0; n < 2 ** 14 - 1; n++) {
      const handle = table.allocate(n);
      seen.add(handle);
      table.release(handle, step('free', n));
    }
    expect(seen.size).toBe(2 ** 14 - 1);
    expect([...seen].map(generationOf)).not.toContain(0);
  });
});
