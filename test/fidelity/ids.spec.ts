import { Scalar, sys } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const arraySize = (lab: Lab): number => lab.machine.nodes[0]?.published.scalar(Scalar.memcgCacheIds) ?? 0;

describe('memcg_caches arrays', () => {
  it('grow to 4, 10, 22, 46, 94 and 190 entries on the way to 100 memcgs, as on a real 4.10', () => {
    const lab = new Lab({ nodes: 2, cpus: 2 });
    lab.run(sys.chdir(HIERARCHY));
    const sizes = new Set([arraySize(lab)]);
    const grown = lab.growth(['memcg_update_all_caches', 'kfree_rcu'], () => {
      for (let n = 0; n < 100; n++) {
        lab.run(sys.mkdir(String(n)));
        sizes.add(arraySize(lab));
      }
      lab.settle();
    });
    expect([...sizes]).toEqual([0, 4, 10, 22, 46, 94, 190]);
    const roots = lab.machine.nodes[0]?.cacheList.roots().length ?? 0;
    // The first growth replaces nothing; every other frees one old array per root after a grace period.
    expect(grown).toEqual({ memcg_update_all_caches: 6, kfree_rcu: 5 * roots });
    expect([lab.memcgArrays(0), lab.memcgArrays(1)]).toEqual([roots, roots]);
  });

  it('do not grow when the id of a removed memcg is used again', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    const grown = lab.growth(['memcg_update_all_caches', 'memcg_free_cache_id'], () => {
      for (let n = 0; n < 12; n++) {
        lab.run(sys.mkdir(String(n)));
        lab.run(sys.rmdir(String(n)));
        lab.settle();
      }
    });
    expect(arraySize(lab)).toBe(4);
    expect(grown).toEqual({ memcg_update_all_caches: 1, memcg_free_cache_id: 12 });
  });
});
