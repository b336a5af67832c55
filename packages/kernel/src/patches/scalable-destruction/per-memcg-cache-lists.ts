import type { Patch } from '../../build.js';
import { rootsAndOwnLists } from '../../mm/memcontrol/memcg-cache-lists.js';

export const perMemcgCacheLists: Patch = {
  name: 'per-memcg-cache-lists',
  summary: 'root caches and the caches of each memcg are on lists of their own: no walks along all caches',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slab: reorganize memcg_cache_params"; "link memcg kmem_caches on their associated memory cgroup"; "implement slab_root_caches list", 4 to 6 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    policies.memcg.cacheLists = rootsAndOwnLists;
  },
};
