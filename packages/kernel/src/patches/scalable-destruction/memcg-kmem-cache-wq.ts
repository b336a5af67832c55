import type { Patch } from '../../build.js';

export const memcgKmemCacheWq: Patch = {
  name: 'memcg-kmem-cache-wq',
  summary: 'one bound workqueue, one item at a time on each CPU, for creating and for deactivating memcg caches',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slab: use memcg_kmem_cache_wq for slab destruction operations", 10 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    policies.memcg.creationQueue = 'memcg_kmem_cache';
    policies.memcg.deactivationQueue = 'memcg_kmem_cache';
  },
};
