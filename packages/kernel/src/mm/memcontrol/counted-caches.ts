import type { Policies } from '../../build.js';
import { type CacheLifecycle, mergedLifecycle, postedLifecycle } from './cache-lifecycle.js';
import { trygetAndScheduleCreate } from './cache-lookup.js';
import { cacheLinks, getCountedCache, putCountedCache } from './cache-refs.js';
import { chargeCountedSlab, unchargeCountedSlab } from './charge-counted.js';
import { memcgDeactivateAndReparent, memcgFreeWithoutCaches } from './reparent-caches.js';
import { flushMemcgWorkqueueLocked } from './root-dying.js';

/** Pages hold their cache, and caches their memcg; a dying memcg hands its caches to its parent. */
const countedCaches = (before: Policies, lifecycle: CacheLifecycle) => ({
  reclaim: { ...before.reclaim, chargesEndWithMemcg: false },
  slab: { ...before.slab, beforeDestroy: flushMemcgWorkqueueLocked },
  memcg: {
    ...before.memcg,
    getCache: getCountedCache,
    putCache: putCountedCache,
    scheduleCreate: trygetAndScheduleCreate,
    chargeSlab: chargeCountedSlab,
    unchargeSlab: unchargeCountedSlab,
    links: cacheLinks,
    lifecycle,
    deactivate: memcgDeactivateAndReparent,
    free: memcgFreeWithoutCaches,
  },
});

/** What v4 of the series, as posted, changes in 5.2. */
export const postedCountedCaches = (before: Policies): Pick<Policies, 'reclaim' | 'slab' | 'memcg'> =>
  countedCaches(before, postedLifecycle);

/** What 5.3 changes in 5.2: the series as merged, which does not ask any more whether a root is dying when it makes a child. */
export function mergedCountedCaches(before: Policies): Policies {
  const { memcg, ...others } = countedCaches(before, mergedLifecycle);
  return { ...before, ...others, percpuRef: { exitAtSwitch: true }, memcg: { ...memcg, refuseCreation: null } };
}
