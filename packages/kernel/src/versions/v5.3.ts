import { caches52 } from '../boot/caches-5.2.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { trygetAndScheduleCreate } from '../mm/memcontrol/cache-lookup.js';
import { cacheLinks, getCountedCache, putCountedCache } from '../mm/memcontrol/cache-refs.js';
import { chargeCountedSlab, unchargeCountedSlab } from '../mm/memcontrol/charge-counted.js';
import { memcgDeactivateAndReparent, memcgFreeWithoutCaches } from '../mm/memcontrol/reparent-caches.js';
import { flushMemcgWorkqueueLocked } from '../mm/memcontrol/root-dying.js';
import { v52 } from './v5.2.js';

/**
 * 5.3: as 5.2, but pages hold their cache, and caches their memcg; a dying memcg hands its caches to its parent, and each cache
 * is shut down when nothing holds it any more.
 */
const policies = (config: KernelConfig): Policies => {
  const before = v52.policies(config);
  return {
    ...before,
    reclaim: { ...before.reclaim, chargesEndWithMemcg: false },
    percpuRef: { exitAtSwitch: true },
    slab: { ...before.slab, beforeDestroy: flushMemcgWorkqueueLocked },
    memcg: {
      ...before.memcg,
      getCache: getCountedCache,
      putCache: putCountedCache,
      scheduleCreate: trygetAndScheduleCreate,
      refuseCreation: null,
      chargeSlab: chargeCountedSlab,
      unchargeSlab: unchargeCountedSlab,
      links: cacheLinks,
      deactivate: memcgDeactivateAndReparent,
      free: memcgFreeWithoutCaches,
    },
  };
};

export const v53: KernelVersion = {
  name: 'v5.3',
  source: '5.3.1',
  summary:
    'pages hold their cache by a percpu_ref; the caches of a dying memcg go to its parent, so no memcg waits for objects',
  caches: caches52,
  policies,
};
