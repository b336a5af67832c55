import { callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';
import { onBoth, type Pair } from './both-machines.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;

const ended = ({ outcome, failure, verdicts }: RunResult) => ({ outcome, failure, verdicts });
const well = { outcome: 'ok', failure: undefined, verdicts: [] };

/** Caches made by the end of a phase, in all phases but the boot. */
const made = ({ phases }: RunResult): number =>
  (phases.create?.caches.created ?? 0) + (phases.settle?.caches.created ?? 0);

const MEMCGS = 8;

describe.each([{ nodes: 2, cpusPerNode: 2 }])('barrier-batching on $nodes x $cpusPerNode', ({ nodes, cpusPerNode }) => {
  const cpus = nodes * cpusPerNode;
  let pair: Pair;

  beforeAll(async () => {
    const params = { memcgs: MEMCGS, typesafeCaches: 2, caches: 1 };
    [pair] = (await onBoth({ experiment: 'barrier-batching', kernels: ['v4.10'], nodes, cpusPerNode, params })) as [
      Pair,
    ];
  }, MINUTES);

  test('ends well, with the same memcgs and caches made and gone', () => {
    expect(ended(pair.live)).toEqual(well);
    expect(made(pair.live)).toBe(3 * MEMCGS);
    expect(made(pair.sim)).toBe(3 * MEMCGS);
    const { memcg, caches } = pair.live.counters;
    expect({ memcg, caches }).toEqual({ memcg: pair.sim.counters.memcg, caches: pair.sim.counters.caches });
    expect(memcg.freed).toBe(MEMCGS);
  });

  test('requests one barrier per memcg freed on both machines', () => {
    for (const { counters } of [pair.live, pair.sim]) {
      expect(counters.calls.rcu_barrier).toEqual({ requested: MEMCGS, executed: MEMCGS });
      expect(callCount(counters, 'kmem_cache_shrink')).toBe(2 * 3 * MEMCGS);
      expect(callCount(counters, 'shutdown_cache')).toBe(3 * MEMCGS);
      expect(counters.ipi.sent).toBeGreaterThanOrEqual((cpus - 1) * 2 * 3 * MEMCGS);
    }
  });
});

describe('barrier-batching with the fork workload on 1 x 4', () => {
  let pair: Pair;

  beforeAll(async () => {
    const asked = { experiment: 'barrier-batching', kernels: ['v4.10'], nodes: 1, cpusPerNode: 4 } as const;
    const text = await onBoth({ ...asked, params: { memcgs: MEMCGS, workload: 'fork' } });
    pair = text[0] as Pair;
  }, MINUTES);

  test('makes 14 caches per memcg on both machines, and one more', () => {
    expect(ended(pair.live)).toEqual(well);
    expect([made(pair.live), made(pair.sim)]).toEqual([14 * MEMCGS + 1, 14 * MEMCGS + 1]);
  });

  test('frees all but those in stock, each with one barrier; which those are, the schedule decides', () => {
    for (const { counters } of [pair.live, pair.sim]) {
      const { freed, dying } = counters.memcg;
      expect(freed + dying).toBe(MEMCGS);
      expect(dying).toBeLessThanOrEqual(4);
      expect(counters.calls.rcu_barrier.requested).toBe(freed);
      expect([0, 1]).toContain(callCount(counters, 'shutdown_cache') - 14 * freed);
    }
  });
});

describe.each([{ nodes: 2, cpusPerNode: 2 }])('zombies on $nodes x $cpusPerNode', ({ nodes, cpusPerNode }) => {
  let pair: Pair;

  beforeAll(async () => {
    const params = { generations: 6, files: 3 };
    [pair] = (await onBoth({ experiment: 'zombies', kernels: ['v4.10'], nodes, cpusPerNode, params })) as [Pair];
  }, MINUTES);

  test('keeps every memcg while its files stay: the same series on both machines', () => {
    expect(ended(pair.live)).toEqual(well);
    const generations = ({ series = [] }: RunResult) => series.filter(({ phase }) => phase === 'generations');
    expect(generations(pair.live)).toEqual(generations(pair.sim));
    expect(generations(pair.live).map(({ dying }) => dying)).toEqual([0, 1, 2, 3, 4, 5, 6, 6]);
    expect(pair.live.counters.memcg).toEqual(pair.sim.counters.memcg);
    expect(pair.live.counters.caches).toEqual(pair.sim.counters.caches);
  });
});
