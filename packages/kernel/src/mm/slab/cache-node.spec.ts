import {
  type Handle,
  PrivateMemory,
  pageOf,
  resolveCosts,
  type Step,
  slotOf,
  Topology,
  VerdictError,
} from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../index.js';
import { KernelNode } from '../../node.js';
import { KmemCacheNode } from './cache-node.js';
import type { DetachedSlab } from './types.js';

const NUM = 4;
const CACHE = 1;

const step = (): Step => ({ cpu: 0, task: 'script', function: 'spec', time: 0 });

/** A cache on one node, and the slabs that the test gives it. */
class Bench {
  readonly node = new KernelNode(
    0,
    {
      topology: new Topology(1, 2),
      costs: resolveCosts(),
      seed: 1,
      durations: { record() {}, kick() {} },
      probe: null,
    },
    new PrivateMemory(),
  );
  readonly lists = new KmemCacheNode(this.node, CACHE, NUM, 0);
  /** Objects that are out: with users or in per-CPU arrays. */
  readonly out: number[] = [];
  readonly pages: Handle[] = [];

  constructor({ freeLimit = 100, shared = -1 } = {}) {
    this.lists.freeLimit = freeLimit;
    if (shared < 0) return;
    this.lists.shared = [];
    this.lists.sharedLimit = shared;
  }

  grow(take = NUM): Handle {
    const free = Array.from({ length: NUM }, (_, slot) => NUM - 1 - slot);
    const record = { order: 0, cache: CACHE, num: NUM, active: 0, free, list: 'none' as const, memcg: 0 };
    const page = this.node.pages.allocate(record);
    this.pages.push(page);
    this.out.push(...this.lists.add(page, record, take, step));
    return page;
  }

  refill(want: number): number[] {
    const objects = this.lists.refill(want, step);
    this.out.push(...objects);
    return objects;
  }

  /** Take `n` objects out of the hands of their users, beginning with the n-th oldest. */
  pick(n: number, from: number): number[] {
    return Array.from(
      { length: Math.min(n, this.out.length) },
      () => this.out.splice(from % this.out.length, 1)[0] as number,
    );
  }

  gone(detached: readonly DetachedSlab[]): void {
    for (const { page } of detached) this.pages.splice(this.pages.indexOf(page), 1);
  }

  record(page: Handle) {
    return this.node.pages.get(page, step);
  }

  listOf(page: Handle): string {
    return this.record(page).list;
  }

  /** SLAB-1, SLAB-2 and SLAB-3 for this node. */
  check(): void {
    const { lists, pages } = this;
    const shared = lists.shared ?? [];
    const records = pages.map((page) => this.record(page));
    const free = records.reduce((sum, record) => sum + record.num - record.active, 0);
    expect(lists.totalSlabs).toBe(pages.length);
    expect(lists.freeObjects).toBe(free);
    expect(free + shared.length + this.out.length).toBe(NUM * pages.length);
    const seen = [
      ...this.out,
      ...shared,
      ...pages.flatMap((page) => this.record(page).free.map((slot) => page * 256 + slot)),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    for (const page of pages) {
      const { active, list } = this.record(page);
      expect(list).toBe(active === NUM ? 'full' : active === 0 ? 'free' : 'partial');
      expect(lists.partial.has(page)).toBe(list === 'partial');
      expect(lists.free.filter((other) => other === page).length).toBe(list === 'free' ? 1 : 0);
    }
    expect(lists.partial.size + lists.free.length).toBeLessThanOrEqual(pages.length);
  }
}

describe('KmemCacheNode', () => {
  it('conserves objects and keeps every slab on the list of its number of active objects (SLAB-1, -2, -3)', () => {
    const amount = fc.nat({ max: 9 });
    const operation = fc.oneof(
      fc.tuple(fc.constant('grow' as const), amount),
      fc.tuple(fc.constant('refill' as const), amount),
      fc.tuple(fc.constantFrom('freeBlock' as const, 'flush' as const, 'receive' as const), amount),
      fc.tuple(fc.constantFrom('drainShared' as const, 'drainFreelist' as const), amount),
    );
    const inputs = fc.tuple(
      fc.array(fc.tuple(operation, fc.nat()), { maxLength: 60 }),
      fc.record({ freeLimit: fc.nat({ max: 12 }), shared: fc.integer({ min: -1, max: 6 }) }),
    );
    fc.assert(
      fc.property(inputs, ([operations, limits]) => {
        const bench = new Bench(limits);
        const { lists } = bench;
        for (const [[kind, n], from] of operations) {
          if (kind === 'grow') bench.grow(n);
          else if (kind === 'refill') expect(bench.refill(n).length).toBeLessThanOrEqual(n);
          else if (kind === 'freeBlock') bench.gone(lists.freeBlock(bench.pick(n, from), step));
          else if (kind === 'receive') bench.gone(lists.receive(bench.pick(n, from), step));
          else if (kind === 'flush') {
            const objects = bench.pick(n, from);
            const { taken, detached } = lists.flush(objects, step);
            bench.out.push(...objects.slice(taken));
            bench.gone(detached);
          } else if (kind === 'drainShared') bench.gone(lists.drainShared(step));
          else {
            const detached = lists.detachLastFree(step);
            bench.gone(detached === null ? [] : [detached]);
          }
          bench.check();
          const sharedSize = lists.shared?.length ?? 0;
          expect(sharedSize).toBeLessThanOrEqual(Math.max(0, limits.shared));
        }
      }),
      { seed: 17, numRuns: 200 },
    );
  });

  it('frees slabs while more objects are free than free_limit, those that have been free longest first', () => {
    const bench = new Bench({ freeLimit: 2 * NUM });
    const pages = [bench.grow(), bench.grow(), bench.grow()];
    const objects = bench.out.splice(0);
    const detached = bench.lists.freeBlock(objects, step);
    expect(detached.map(({ page }) => page)).toEqual([pages[0]]);
    expect(bench.lists.freeObjects).toBe(2 * NUM);
  });

  it('serves a refill from the shared array alone if that has anything, newest first', () => {
    const bench = new Bench({ shared: 3 });
    bench.grow();
    const objects = bench.out.splice(0);
    bench.lists.flush(objects.slice(0, 3), step);
    expect(bench.refill(2)).toEqual(objects.slice(1, 3));
    expect(bench.lists.sharedTouched).toBe(true);
    expect(bench.refill(4)).toEqual(objects.slice(0, 1));
  });

  it('takes partial slabs before free ones', () => {
    const bench = new Bench();
    const partial = bench.grow(1);
    const free = bench.grow(0);
    expect([bench.listOf(partial), bench.listOf(free)]).toEqual(['partial', 'free']);
    expect(bench.refill(NUM).map(pageOf)).toEqual([partial, partial, partial, free]);
  });

  it('goes on with the slab that it has begun, and puts a slab into which something was freed last', () => {
    const bench = new Bench();
    const [first, second] = [bench.grow(), bench.grow()];
    const byPage = (page: Handle) => bench.out.filter((object) => pageOf(object) === page);
    bench.lists.freeBlock(byPage(first).slice(0, 3), step);
    bench.lists.freeBlock(byPage(second).slice(0, 3), step);
    expect([bench.refill(1), bench.refill(1)].flat().map(pageOf)).toEqual([first, first]);
    bench.lists.freeBlock(byPage(first).slice(3, 4), step);
    expect(bench.refill(1).map(pageOf)).toEqual([second]);
  });

  it('puts a slab that it has just got, and only begun, before the other partial slabs', () => {
    const bench = new Bench();
    const old = bench.grow(1);
    const fresh = bench.grow(1);
    expect(bench.refill(2).map(pageOf)).toEqual([fresh, fresh]);
    expect(bench.listOf(old)).toBe('partial');
  });

  it('sets free_touched when it looks for a free slab, even if there is none', () => {
    const bench = new Bench();
    bench.grow(1);
    bench.refill(1);
    expect(bench.lists.freeTouched).toBe(false);
    bench.refill(NUM);
    expect(bench.lists.freeTouched).toBe(true);
  });

  it('hands the slots of a fresh slab out from 0 up, and a freed slot next', () => {
    const bench = new Bench();
    const page = bench.grow(2);
    expect(bench.out.map(slotOf)).toEqual([0, 1]);
    bench.lists.freeBlock(bench.out.splice(0, 1), step);
    expect(bench.refill(2).map(slotOf)).toEqual([0, 2]);
    expect(bench.listOf(page)).toBe('partial');
  });

  it('moves only what fits into a shared array that has room, and everything to the slabs if it has none', () => {
    const bench = new Bench({ shared: 3 });
    bench.grow();
    const objects = bench.out.splice(0);
    expect(bench.lists.flush(objects, step)).toEqual({ taken: 3, detached: [] });
    expect(bench.lists.flush(objects.slice(3), step).taken).toBe(1);
    expect(bench.lists.freeObjects).toBe(1);
    expect(bench.lists.shared).toEqual(objects.slice(0, 3));
  });

  it('puts the newest objects of a drained alien array into the shared array', () => {
    const bench = new Bench({ shared: 2 });
    bench.grow();
    const objects = bench.out.splice(0);
    bench.lists.receive(objects, step);
    expect(bench.lists.shared).toEqual(objects.slice(2));
    expect(bench.lists.freeObjects).toBe(2);
  });

  it('ends giving an object of a freed page back in a verdict', () => {
    const bench = new Bench({ freeLimit: 0 });
    const page = bench.grow();
    const objects = bench.out.splice(0);
    bench.lists.freeBlock(objects, step);
    bench.node.pages.release(page, step());
    expect(() => bench.lists.freeBlock(objects.slice(0, 1), step)).toThrow(VerdictError);
  });
});
