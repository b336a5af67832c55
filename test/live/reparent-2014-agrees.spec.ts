import { beforeAll, describe, expect, it, test } from 'vitest';
import { onBoth, type Pair } from './both-machines.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;
const MEMCGS = 3;
/** dentry and shmem_inode_cache of the files that stay. */
const KEPT = 2 * MEMCGS;

describe('the reparenting series of 2014', () => {
  let pair: Pair;

  beforeAll(async () => {
    const kernels = ['v3.14+reparent-2014'] as const;
    const params = { memcgs: MEMCGS, useHierarchy: 1 };
    const pairs = await onBoth({ experiment: 'reparenting-2014', kernels, nodes: 1, cpusPerNode: 2, params });
    pair = pairs[0] as Pair;
  }, MINUTES);

  test.each(['live', 'sim'] as const)(
    '%s: removed memcgs go, and their parent has the caches that are in use',
    (engine) => {
      const { outcome, verdicts, phases, reparented, findings } = pair[engine];
      expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
      expect(phases.generations?.memcg).toMatchObject({ dying: 0, freed: MEMCGS });
      expect(reparented).toEqual({ slabinfo: KEPT, stackBytes: 0 });
      expect(findings.filter(({ class: name }) => name === 'adopted-cache')).toEqual([]);
    },
  );

  it('leaves as many caches on both', () => {
    const counts = ({ phases }: Pair['live']) =>
      ['generations', 'tune', 'unlink'].map((name) => phases[name]?.caches.live);
    expect(counts(pair.live)).toEqual(counts(pair.sim));
  });
});
