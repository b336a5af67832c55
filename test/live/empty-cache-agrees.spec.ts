import { callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';
import { onBoth, type Pair } from './both-machines.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;
const MEMCGS = 4;
const OBJECTS = 16;

const KERNELS = [
  'v3.14+no-destroy-on-last-page:reaper=periodic:period=1',
  'v3.14+pin-until-release:retention=off',
  'v3.14+destroy-after-grace-period',
  'v3.14+destroy-on-last-object',
] as const;

const phaseOf = ({ phases }: RunResult, name: string) => {
  const phase = phases[name];
  if (phase === undefined) throw new Error(`no phase ${name}`);
  return phase;
};

describe.each(['slab', 'slub'])('the last objects of removed memcgs are freed, with %s on 1 x 2', (config) => {
  let pairs: readonly Pair[];

  beforeAll(async () => {
    const params = { memcgs: MEMCGS, objects: OBJECTS, freeAfter: 300_000, observe: 2500 };
    const flags = ['--config', config];
    pairs = await onBoth({ experiment: 'empty-cache', kernels: KERNELS, nodes: 1, cpusPerNode: 2, params, flags });
  }, MINUTES);

  test.each(['live', 'sim'] as const)('%s: every cache is there before, and destroyed afterwards, once', (engine) => {
    for (const pair of pairs) {
      const { outcome, verdicts, emptied, counters } = pair[engine];
      expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
      expect(emptied?.before.caches).toBe(MEMCGS);
      expect(emptied?.after).toEqual({ caches: 0, pages: 0 });
      expect(counters.caches.created).toBe(1 + MEMCGS);
      expect(counters.caches.destroyed).toBe(MEMCGS);
      expect(callCount(counters, 'shutdown_cache')).toBe(MEMCGS);
      expect(counters.memcg).toEqual({ created: MEMCGS, dying: 0, freed: MEMCGS });
    }
  });

  test('counting objects costs the same number of atomic operations on both machines', () => {
    const { live, sim } = pairs[KERNELS.indexOf('v3.14+destroy-on-last-object')] as Pair;
    const counted = (result: RunResult): number =>
      phaseOf(result, 'create').messages.byKind['memcg.countReferences'] ?? 0;
    expect(counted(live)).toBe(counted(sim));
    expect(counted(sim)).toBe(MEMCGS * (OBJECTS - 1));
  });
});
