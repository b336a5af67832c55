import type { Counters, RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';
import { onBoth, type Pair } from './both-machines.js';
import { called, total } from './counts.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;
const LOOPS = 10;
/** 13 in each memcg, 10 in the last. */
const CACHES = 13 * LOOPS - 3;

const phaseOf = ({ phases }: RunResult, name: string): Counters => {
  const phase = phases[name];
  if (phase === undefined) throw new Error(`no phase ${name}`);
  return phase;
};

describe.each([{ nodes: 2, cpusPerNode: 2 }])('v3.14 on $nodes x $cpusPerNode', ({ nodes, cpusPerNode }) => {
  const others = nodes * cpusPerNode - 1;
  let pair: Pair;

  beforeAll(async () => {
    const kernels = ['v3.14'] as const;
    const pairs = await onBoth({ experiment: 'avoid-ipis', kernels, nodes, cpusPerNode, params: { loops: LOOPS } });
    pair = pairs[0] as Pair;
  }, MINUTES);

  test.each(['live', 'sim'] as const)('%s: a cache is one all-CPU call, on the CPU that allocates', (engine) => {
    const result = pair[engine];
    expect({ outcome: result.outcome, verdicts: result.verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    const { counters } = result;
    expect(counters.caches.created).toBe(CACHES);
    expect(called(counters, 'do_tune_cpucache')).toBe(CACHES);
    expect(called(counters, 'kick_all_cpus_sync')).toBe(0);
    expect(counters.ipi.sent).toBe(CACHES * others);
    expect(total(counters.interrupts.CAL) + counters.ipi.merged).toBe(CACHES * others);
    expect(counters.interrupts.CAL.filter((calls) => calls === 0).length).toBe(1);
  });

  test.each(['live', 'sim'] as const)(
    '%s: a grace period at each offline and free; a call per shrink and shutdown',
    (engine) => {
      const remove = phaseOf(pair[engine], 'remove');
      expect(called(remove, 'css_offline')).toBe(LOOPS);
      expect(called(remove, 'synchronize_sched')).toBe(LOOPS + remove.memcg.freed);
      expect(called(remove, 'shutdown_cache')).toBe(remove.caches.destroyed);
      expect(remove.caches.destroyed + remove.caches.dead).toBe(CACHES);
      expect(remove.ipi.sent).toBe((called(remove, 'kmem_cache_shrink') + remove.caches.destroyed) * others);
    },
  );
});
