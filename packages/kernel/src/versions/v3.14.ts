import { caches314 } from '../boot/caches-3.14.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { cssFreeByRcu, cssReleaseAtOnce } from '../cgroup/destroy.js';
import { structures314 } from '../cgroup/structures.js';
import { cgroupFiles314 } from '../fs/cgroup-directory.js';
import { memCgroupSlabinfoRead } from '../fs/slabinfo.js';
import { memcgHeldByCache } from '../mm/memcontrol/charge-cache.js';
import type { ChildCaches } from '../mm/memcontrol/child-caches.js';
import {
  activePayer,
  memcgKmemGetCacheUnreferenced,
  scheduleCreateOnSystemWq,
} from '../mm/memcontrol/create-on-system-wq.js';
import {
  cacheInSlot,
  childrenInSlots,
  destroyMemcgChildren,
  destroyRootWithChildren,
  memCgroupDestroyAllCaches,
  shrinkOrDestroy,
} from '../mm/memcontrol/destroy-work.js';
import {
  chargePagesFor,
  chargeSlabToCurrent,
  memcgKmemUnchargePages,
  releaseAndUnchargeSlab,
} from '../mm/memcontrol/kmem-charge.js';
import { byteLimits, memcgPropagateKmem } from '../mm/memcontrol/kmem-limit.js';
import { memcgUnregisterCache } from '../mm/memcontrol/register-cache.js';
import { memcgBindPages, memcgReleasePages } from '../mm/memcontrol/release-pages.js';
import { memCgroupCssFree, memCgroupCssOffline } from '../mm/memcontrol/reparent-charges.js';
import { swapOnEachCpu } from '../mm/slab/tune.js';
import { slub314 } from '../mm/slub/policies.js';
import { withBuffers314 } from '../syscalls/buffers-3.14.js';
import { v410 } from './v4.10.js';

/** Page counts, dead marks, and destroy works that nothing synchronises with. */
const childCaches314 = (): ChildCaches => ({
  flushCreations: null,
  counts: 'pages',
  bindPages: memcgBindPages,
  releasePages: memcgReleasePages,
  pins: null,
  ofParams: cacheInSlot,
  destroyWork: shrinkOrDestroy,
  offline: memCgroupDestroyAllCaches,
  backsOff: null,
  unregistersFirst: false,
  unregister: memcgUnregisterCache,
  reaper: null,
  destroyOfRoot: destroyMemcgChildren,
  listReadyFrom: 'activation',
  holdsMemcg: true,
  getMemcg: memcgHeldByCache,
  *putMemcg() {},
});

/** 3.14: everything a task in a kmem-active memcg allocates is accounted; nothing counts references to the memcg's caches. */
const policies = (config: KernelConfig): Policies => {
  const later = v410.policies(config);
  return {
    ...later,
    smp: { ...later.smp, releaseAsync: 'afterRun', flushDying: null },
    slab: {
      ...later.slab,
      swapArrays: swapOnEachCpu,
      afterPublish: function* nothingMore() {},
      waitsForShared: false,
      trims: 'emptied',
      shutdownShrinks: false,
      merges: config.allocator === 'slub',
    },
    slub: slub314(),
    memcg: {
      ...later.memcg,
      payer: activePayer,
      getCache: memcgKmemGetCacheUnreferenced,
      putCache: function* nothingHeld() {},
      scheduleCreate: scheduleCreateOnSystemWq,
      creationQueue: 'system_wq',
      chargeSlab: chargeSlabToCurrent,
      unchargeSlab: releaseAndUnchargeSlab,
      pagesHoldCss: false,
      childCaches: childCaches314(),
      slabinfo: memCgroupSlabinfoRead,
      childrenOf: childrenInSlots,
      hooksEveryPage: true,
      chargePages: chargePagesFor(['kernel_stack', 'kmalloc_large']),
      unchargePages: memcgKmemUnchargePages,
      limits: byteLimits,
      destroyRoot: destroyRootWithChildren,
      cacheIdsLock: null,
      online: memcgPropagateKmem,
      offline: memCgroupCssOffline,
      free: memCgroupCssFree,
    },
    reclaim: { ...later.reclaim, slabStatistics: false },
    cgroup: { release: cssReleaseAtOnce, freeLater: cssFreeByRcu, structures: structures314 },
    fs: {
      ...later.fs,
      cgroupFiles: cgroupFiles314,
      rmdirLeavesNegative: false,
      withBuffers: withBuffers314,
      calWithoutTlb: true,
    },
  };
};

export const v314: KernelVersion = {
  name: 'v3.14',
  source: '3.14.1',
  summary: 'everything is accounted once kmem is limited; caches go by work items that nothing synchronises with',
  caches: caches314,
  withoutCgroup2: true,
  policies,
};
