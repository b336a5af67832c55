import type { PatchFile } from '@kmemlab/experiments';
import { callCount, type RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

/*
 * What becomes of the cache of a removed memcg whose last object is freed a second after rmdir, by another CPU. A memcg of
 * 4.10 keeps its caches while a stock holds it, so that kernel is not asked here.
 */
const SECOND = 1e9;

const emptied = async (kernel: string, config: string, params: Record<string, string> = {}): Promise<RunResult> =>
  run({ experiment: 'empty-cache', kernel, config, nodes: 1, cpusPerNode: 4, params });

describe('when the last object of a removed memcg is freed', () => {
  it('SLAB of 3.14 gives the page back by cache_reap, and the release of the page destroys the cache', async () => {
    const { emptied: result, verdicts, findings } = await emptied('v3.14', 'slab');
    expect({ verdicts, zombies: findings.filter(({ class: name }) => name === 'zombie-memcg') }).toEqual({
      verdicts: [],
      zombies: [],
    });
    expect(result?.before).toEqual({ caches: 1, pages: 1 });
    expect(result?.after).toEqual({ caches: 0, pages: 0 });
    // Measured with the same reaper: 8 to 10 s, up to 25 s.
    expect(result?.goneAfterNs).toBeGreaterThan(4 * SECOND);
    expect(result?.goneAfterNs).toBeLessThan(25 * SECOND);
  });

  it('SLUB of 3.14 keeps the empty slab, so the cache stays for ever', async () => {
    const { emptied: result, findings } = await emptied('v3.14', 'slub');
    expect(result?.after).toEqual(result?.before);
    expect(result?.goneAfterNs).toBeUndefined();
    expect(findings).toContainEqual({ class: 'dead-cache', count: 1, pinnedBy: { retainedSlab: 1 } });
  });

  it('SLUB of 3.14 lets it go if somebody shrinks it through sysfs afterwards', async () => {
    const { emptied: result } = await emptied('v3.14', 'slub', { shrinks: '100' });
    expect(result?.after).toEqual({ caches: 0, pages: 0 });
  });

  it.each(['slab', 'slub'])('5.2 and 5.3 destroy it with %s, SLUB at once', async (config) => {
    for (const kernel of ['v5.2', 'v5.3']) {
      const { emptied: result } = await emptied(kernel, config);
      expect(result?.after).toEqual({ caches: 0, pages: 0 });
      if (config === 'slub') expect(result?.goneAfterNs).toBeLessThan(SECOND);
      else expect(result?.goneAfterNs).toBeGreaterThan(4 * SECOND);
    }
  });

  describe('and the last page does not schedule anything (April 2014)', () => {
    const V1 = 'v3.14+no-destroy-on-last-page';

    it('SLUB keeps the cache as before, and with SLAB nobody looks again after cache_reap has emptied it', async () => {
      const slub = await emptied(V1, 'slub', { observe: '2000' });
      expect(slub.findings).toContainEqual({ class: 'dead-cache', count: 1, pinnedBy: { retainedSlab: 1 } });
      expect(slub.verdicts).toEqual([]);
      const slab = await emptied(V1, 'slab', { observe: '20000' });
      expect(slab.verdicts.map(({ class: name, id }) => [name, id])).toEqual([['leak', 'no-reaper']]);
    });

    it.each(['slab', 'slub'])(
      'an RCU-typed cache of %s leaks although it holds nothing; in 3.14 it is destroyed',
      async (config) => {
        const params = { type: 'rcu', live: '0', observe: '1000' };
        const { verdicts } = await emptied(V1, config, params);
        expect(verdicts).toMatchObject([{ class: 'leak', id: 'V1-a', owner: expect.stringContaining('kworker') }]);
        const before = await emptied('v3.14', config, params);
        expect(before.verdicts).toEqual([]);
        expect(before.emptied?.after).toEqual({ caches: 0, pages: 0 });
      },
    );

    it.each(['slab', 'slub'])('a periodic reaper destroys both kinds with %s within a period', async (config) => {
      for (const type of ['plain', 'rcu']) {
        const params = { type, observe: '6000' };
        const { verdicts, emptied: result } = await emptied(`${V1}:reaper=periodic:period=2`, config, params);
        expect(verdicts).toEqual([]);
        // With SLAB the pass drains the arrays, too.
        expect(result?.goneAfterNs).toBeLessThan(type === 'rcu' ? 5 * SECOND : 3 * SECOND);
      }
    });
  });

  describe('and something holds the cache until the last touch', () => {
    const MS = 1e6;

    it.each([
      ['pin-until-release:retention=off', 0],
      ['destroy-after-grace-period', 1],
      ['destroy-on-last-object', 0],
    ])('%s destroys it at once, RCU-typed or not, after %i grace periods more', async (patch, gracePeriods) => {
      for (const config of ['slab', 'slub']) {
        for (const type of ['plain', 'rcu']) {
          const { verdicts, emptied: result } = await emptied(`v3.14+${patch}`, config, { type, observe: '200' });
          expect(verdicts).toEqual([]);
          expect(result?.after).toEqual({ caches: 0, pages: 0 });
          const [least, most] = type === 'rcu' ? [10 * MS, 80 * MS] : gracePeriods === 1 ? [5 * MS, 40 * MS] : [0, MS];
          expect(result?.goneAfterNs).toBeGreaterThanOrEqual(least);
          expect(result?.goneAfterNs).toBeLessThanOrEqual(most);
        }
      }
    });

    it.each(['pin-until-release', 'destroy-after-grace-period:retention=on'])(
      '%s destroys it never with SLUB, which keeps the empty slab',
      async (patch) => {
        const { verdicts, findings } = await emptied(`v3.14+${patch}`, 'slub', { observe: '2000' });
        expect(verdicts).toEqual([]);
        expect(findings).toContainEqual({ class: 'dead-cache', count: 1, pinnedBy: { retainedSlab: 1 } });
      },
    );

    it.each(['slab', 'slub'])(
      'and only counting objects costs an atomic operation for each, at the cache’s home, with %s',
      async (config) => {
        const objects = 64;
        const params = { objects: String(objects), live: '0', observe: '200' };
        const counted = async (kernel: string): Promise<number> => {
          const { counters } = await emptied(kernel, config, params);
          return (
            (counters.messages.byKind['memcg.countReferences'] ?? 0) +
            (counters.messages.byKind['memcg.tryPinCache'] ?? 0)
          );
        };
        // The first object is the root cache's.
        const perObject = await counted('v3.14+destroy-on-last-object');
        expect(perObject).toBeGreaterThanOrEqual(2 * objects);
        expect(perObject).toBeLessThan(2 * objects + 10);
        expect(await counted('v3.14+destroy-after-grace-period')).toBeLessThan(32);
        expect(await counted('v3.14')).toBe(0);
      },
    );
  });

  it('5.9 has no cache of its own for the memcg', async () => {
    const { emptied: result } = await emptied('v5.9', 'slub', { observe: '100' });
    expect(result?.before).toEqual({ caches: 0, pages: 0 });
  });
});

describe('the reaper of V1 that waits for memory pressure', () => {
  /** The model's own reclaims find nothing, which is critical; these tell the same listeners of another level. */
  const pressureOf = (level: string): PatchFile => ({
    path: 'level.mjs',
    text: `export default {
      name: 'pressure-is-${level}',
      summary: 'every event is of level ${level}',
      apply: ({ policies }) => {
        const { onPressure } = policies.reclaim;
        policies.reclaim.onPressure = (cpu, memcg) => onPressure(cpu, memcg, '${level}');
      },
    };`,
  });

  it.each([
    ['low', 'low', 0],
    ['low', 'medium', 1],
    ['medium', 'low', 0],
    ['medium', 'medium', 0],
    ['medium', 'critical', 1],
    ['critical', 'low', 0],
    ['critical', 'critical', 0],
  ])('pressure of level %s, and one that acts at %s: %i caches are left', async (level, least, left) => {
    const result = await run({
      ...{ experiment: 'empty-cache', config: 'slub', nodes: 1, cpusPerNode: 2, patchFiles: [pressureOf(level)] },
      kernel: `v3.14+no-destroy-on-last-page:reaper=vmpressure:level=${least}`,
      params: { pressure: '2000', observe: '5000' },
    });
    expect({ outcome: result.outcome, verdicts: result.verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect(callCount(result.counters, 'vmpressure_critical')).toBeGreaterThan(0);
    expect(result.emptied?.after.caches).toBe(left);
  });
});
