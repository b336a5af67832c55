import type { Patch } from '../../build.js';
import { memcgDeactivateKmemCaches } from '../../mm/memcontrol/deactivate.js';
import { deactivateWithCssRef } from '../../mm/memcontrol/deactivate-by-rcu.js';

export const deactivateByCallRcu: Patch = {
  name: 'deactivate-by-call-rcu',
  summary: 'SLUB: nobody waits at offline; a callback and a work item of each cache shrink it after a grace period',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slab: introduce __kmemcg_cache_deactivate()"; "remove synchronous synchronize_sched() from memcg cache deactivation path", 7 and 8 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    const { memcg } = policies;
    memcg.deactivate = memcgDeactivateKmemCaches(deactivateWithCssRef(memcg.deactivation));
  },
};
