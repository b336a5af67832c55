import { caches410 } from '../boot/caches-4.10.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import {
  deactivateWithCssRef,
  memcgDeactivateKmemCaches,
  memcgDestroyKmemCaches,
} from '../mm/memcontrol/deactivate-caches.js';
import { kickOnReplace, kicksOnReplace } from '../mm/slab/kick-on-replace.js';
import { deactivationOf } from '../mm/slab-common/deactivate.js';
import { releaseOrDefer } from '../mm/slab-common/rcu-destroy.js';
import { v410 } from './v4.10.js';

/**
 * 4.12: as 4.10, but nobody waits for a grace period: RCU-typed caches are released in batches by one item, SLUB deactivates
 * through RCU; a memcg's caches are on a list of its own; creation and deactivation share a bound workqueue.
 */
const policies = (config: KernelConfig): Policies => {
  const before = v410.policies(config);
  const deactivation = deactivationOf(config);
  return {
    ...before,
    slab: {
      ...before.slab,
      afterPublish: kickOnReplace,
      kicksPerPublish: kicksOnReplace,
      dispose: releaseOrDefer,
    },
    memcg: {
      ...before.memcg,
      creationQueue: 'memcg_kmem_cache',
      deactivation,
      deactivate: memcgDeactivateKmemCaches(deactivateWithCssRef(deactivation)),
      free: memcgDestroyKmemCaches,
    },
  };
};

export const v412: KernelVersion = {
  name: 'v4.12',
  source: '4.12.0',
  summary:
    'RCU-typed caches are released in batches; creation on the allocating CPU; a kick only if arrays are replaced',
  caches: caches410,
  policies,
};
