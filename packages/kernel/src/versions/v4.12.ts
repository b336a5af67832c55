import { caches410 } from '../boot/caches-4.10.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { memcgDeactivateKmemCaches } from '../mm/memcontrol/deactivate.js';
import { deactivateWithCssRef } from '../mm/memcontrol/deactivate-by-rcu.js';
import { rootsAndOwnLists } from '../mm/memcontrol/memcg-cache-lists.js';
import { kickOnReplace, kicksOnReplace } from '../mm/slab/kick-on-replace.js';
import { releaseOrDefer } from '../mm/slab-common/rcu-destroy.js';
import { slub412 } from '../mm/slub/policies.js';
import { v410 } from './v4.10.js';

/**
 * 4.12: as 4.10, but nobody waits for a grace period: RCU-typed caches are released in batches by one item, SLUB deactivates
 * through RCU; a memcg's caches are on a list of its own; creation and deactivation share a bound workqueue.
 */
const policies = (config: KernelConfig): Policies => {
  const before = v410.policies(config);
  const { deactivation } = before.memcg;
  return {
    ...before,
    slab: {
      ...before.slab,
      afterPublish: kickOnReplace,
      kicksPerPublish: kicksOnReplace,
      dispose: releaseOrDefer,
      unlinks: 'inShutdown',
    },
    slub: slub412(config),
    memcg: {
      ...before.memcg,
      creationQueue: 'memcg_kmem_cache',
      deactivationQueue: 'memcg_kmem_cache',
      cacheLists: rootsAndOwnLists,
      deactivate: memcgDeactivateKmemCaches(deactivateWithCssRef(deactivation)),
    },
  };
};

export const v412: KernelVersion = {
  name: 'v4.12',
  source: '4.12.0',
  summary:
    'RCU-typed caches are released in batches; creation on the allocating CPU; a kick only if arrays are replaced',
  caches: caches410,
  hasSlubMemcgSysfs: true,
  policies,
};
