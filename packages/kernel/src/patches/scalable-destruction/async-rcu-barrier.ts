import type { Patch } from '../../build.js';
import { releaseOrDefer } from '../../mm/slab-common/rcu-destroy.js';

export const asyncRcuBarrier: Patch = {
  name: 'async-rcu-barrier',
  summary: 'RCU-typed caches go to one global list, and a work item waits once for all that are on it',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slab: remove synchronous rcu_barrier() call in memcg cache release path", 3 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    policies.slab.dispose = releaseOrDefer;
    policies.slab.unlinks = 'inShutdown';
  },
};
