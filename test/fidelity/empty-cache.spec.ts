import type { RunResult } from '@kmemlab/results';
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
        expect(verdicts.map(({ class: name, id }) => [name, id])).toEqual([['leak', 'V1-a']]);
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

  it('5.9 has no cache of its own for the memcg', async () => {
    const { emptied: result } = await emptied('v5.9', 'slub', { observe: '100' });
    expect(result?.before).toEqual({ caches: 0, pages: 0 });
  });
});
