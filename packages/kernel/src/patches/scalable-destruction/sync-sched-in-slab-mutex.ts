import type { Patch } from '../../build.js';
import { kmemCacheShrinkDeactivate, memcgDeactivateKmemCaches } from '../../mm/memcontrol/deactivate.js';

export const syncSchedInSlabMutex: Patch = {
  name: 'sync-sched-in-slab-mutex',
  summary:
    'SLUB: each cache of a dying memcg waits for a grace period of its own, with slab_mutex held, as before 4.10',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "Revert "slub: move synchronize_sched out of slab_mutex on shrink"", 1 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    policies.memcg.deactivate = memcgDeactivateKmemCaches(kmemCacheShrinkDeactivate);
  },
};
