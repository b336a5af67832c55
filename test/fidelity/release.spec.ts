import { type Counters, callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, it } from 'vitest';
import { kicks, run, sum } from './run.js';

/*
 * E0, barrier batching: spec/experiments.md, and what 4.10.17 did on 4 CPUs with the 14 caches of a process that forks,
 * opens files and exits: 14 caches per memcg and one more for whoever made the common file; at removal a shrink for each,
 * one more and a shutdown for each cache of a memcg that is freed, and one rcu_barrier for each of these. Two or three
 * memcgs stayed: pages in the stock of a CPU keep one memcg each.
 */

const phase = (result: RunResult, name: string): Counters => {
  const found = result.phases[name];
  if (found === undefined) throw new Error(`no phase ${name}`);
  return found;
};

const CACHES = 14;

describe.each([
  { memcgs: 50, created: 701 },
  { memcgs: 200, created: 2801 },
])('the fork workload with $memcgs memcgs on 4 CPUs', ({ memcgs, created }) => {
  let result: RunResult;
  beforeAll(async () => {
    const params = { memcgs: String(memcgs), workload: 'fork' };
    result = await run({ experiment: 'barrier-batching', nodes: 1, cpusPerNode: 4, params });
  }, 120_000);

  it('ends well, on the objects that were measured', () => {
    expect(result).toMatchObject({ outcome: 'ok', verdicts: [] });
    expect(result.config).toContain('objects=measured');
  });

  it('creates and kicks as measured, without a barrier', () => {
    const making = phase(result, 'create');
    expect(making.caches.created + phase(result, 'settle').caches.created).toBe(created);
    expect(kicks(making) + kicks(phase(result, 'settle'))).toBe(created);
    expect(making.ipi.sent + phase(result, 'settle').ipi.sent).toBe(3 * created);
    expect(making.calls.rcu_barrier).toEqual({ requested: 0, executed: 0 });
  });

  it('frees all memcgs but those in the stock of a CPU', () => {
    const { freed, dying } = result.counters.memcg;
    expect(freed + dying).toBe(memcgs);
    expect(dying).toBeLessThanOrEqual(4);
    expect(result.findings.find(({ class: name }) => name === 'zombie-memcg')?.pinnedBy).toEqual(
      dying === 0 ? undefined : { stock: dying },
    );
  });

  it('requests one barrier per memcg freed, and none waits for a grace period otherwise', () => {
    const { calls, memcg } = result.counters;
    expect(calls.rcu_barrier).toEqual({ requested: memcg.freed, executed: memcg.freed });
    expect(callCount(result.counters, 'synchronize_sched')).toBe(0);
  });

  it('shrinks every cache once, and shuts down those of freed memcgs, each with one call to all other CPUs', () => {
    const { counters } = result;
    const shutdowns = callCount(counters, 'shutdown_cache');
    expect([0, 1]).toContain(shutdowns - CACHES * counters.memcg.freed);
    expect(callCount(counters, 'kmem_cache_shrink')).toBe(created + shutdowns);
    expect(counters.caches.destroyed).toBe(shutdowns);
    const barriers = counters.ipi.sent - 3 * (created + shutdowns);
    expect(barriers).toBeGreaterThanOrEqual(0);
    expect(barriers).toBeLessThanOrEqual(4 * counters.memcg.freed);
    expect(sum(counters.interrupts.CAL)).toBe(counters.ipi.sent - counters.ipi.merged);
  });
});

describe('the synthetic workload on SLUB, whose offlines take a grace period each', () => {
  it.each([
    ['v4.10', 100],
    ['v4.10+cgroup-knobs:syncSched=perCacheInSlabMutex', 300],
  ])('is watched on %s until all 100 memcgs are freed', async (kernel, graces) => {
    const result = await run({ experiment: 'barrier-batching', kernel, config: 'slub', params: { memcgs: '100' } });
    const { memcg, calls } = result.counters;
    expect({ freed: memcg.freed, dying: memcg.dying, barriers: calls.rcu_barrier.requested }).toEqual({
      freed: 100,
      dying: 0,
      barriers: 100,
    });
    expect(calls.synchronize_sched).toBe(graces);
  });
});

describe('the synthetic workload', () => {
  const removed = async (params: Record<string, string>): Promise<RunResult> =>
    run({ experiment: 'barrier-batching', nodes: 2, cpusPerNode: 2, params: { memcgs: '20', ...params } });

  it.each([1, 2, 4])(
    'requests one barrier per memcg freed, however many of its caches are RCU-typed: %i',
    async (n) => {
      const { counters, verdicts } = await removed({ typesafeCaches: String(n) });
      expect(verdicts).toEqual([]);
      expect(counters.memcg.freed).toBe(20);
      expect(counters.caches.destroyed).toBe(20 * (n + 2));
      expect(counters.calls.rcu_barrier.requested).toBe(20);
    },
  );

  it('requests none if no cache is RCU-typed', async () => {
    const { counters } = await removed({ typesafeCaches: '0' });
    expect(counters.memcg.freed).toBe(20);
    expect(counters.calls.rcu_barrier).toEqual({ requested: 0, executed: 0 });
  });

  it('removes as fast as it is told to', async () => {
    const { phases } = await removed({ rate: '100' });
    expect(phases.remove?.elapsedModelNs).toBeGreaterThan(20 * 1e7 + 1e9);
  });

  it('keeps all memcgs until reclaim frees the object in each; then they go at once', async () => {
    const { counters, phases } = await removed({ trigger: 'reclaim' });
    expect(counters.memcg.freed + counters.memcg.dying).toBe(20);
    expect(counters.memcg.dying).toBeLessThanOrEqual(4);
    expect(counters.calls.rcu_barrier.requested).toBe(counters.memcg.freed);
    expect(phases.remove?.elapsedModelNs).toBeGreaterThan(12e9);
  });

  it('ends after reclaim although others go on making and removing cgroups', async () => {
    const params = { memcgs: '1', trigger: 'reclaim', bystander: '1' };
    const { counters, outcome } = await run({ experiment: 'barrier-batching', nodes: 1, cpusPerNode: 2, params });
    expect(outcome).toBe('ok');
    expect(counters.memcg.freed).toBeGreaterThan(1000);
  });
});
