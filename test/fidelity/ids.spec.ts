import { CacheField, type Patch, type Program, Scalar, sys } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const arraySize = (lab: Lab): number => lab.machine.nodes[0]?.published.scalar(Scalar.memcgCacheIds) ?? 0;

/** Room on the LRU lists takes a millisecond: the arrays of all roots have grown by then, and the size is not published yet. */
const slowLists: Patch = {
  name: 'slow-lists',
  summary: 'memcg_update_all_list_lrus takes a millisecond',
  apply: ({ functions }) => {
    functions.replaceHandler('listLru.grow', (grow) => (node, args, context) => {
      context.charge(1e6);
      return grow(node, args, context);
    });
  },
};

/** Lengths of the memcg_caches arrays of all root caches. */
function arrayLengths(lab: Lab): Set<number> {
  const [node] = lab.machine.nodes;
  if (node === undefined) throw new Error('there is no node');
  const { caches, memcgArrays } = node.published;
  return new Set(node.cacheList.roots().map((root) => memcgArrays.lengthOf(caches.read(root, CacheField.memcgCaches))));
}

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

  it('are of one size, also that of a root cache made while they grow (memcg_get_cache_ids)', () => {
    const lab = new Lab({ patch: slowLists });
    lab.run(sys.chdir(HIERARCHY));
    for (let n = 0; n < 4; n++) lab.run(sys.mkdir(String(n)));
    lab.settle();
    let grown = false;
    const loadModules = function* loadModules(): Program<void> {
      for (let n = 0; !grown; n++) yield* sys.initModule(`made-${n}`, 64);
    };
    const beside = lab.start(loadModules(), 1);
    lab.run(sys.mkdir('grown'));
    grown = true;
    lab.finish(beside);
    lab.settle();
    expect(arraySize(lab)).toBe(10);
    expect(arrayLengths(lab)).toEqual(new Set([10]));
  });
});
