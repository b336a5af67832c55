import { caches314 } from '../boot/caches-3.14.js';
import type { KernelVersion, Policies } from '../build.js';
import { cssFreeByRcu, cssReleaseAtOnce } from '../cgroup/destroy.js';
import { structures314 } from '../cgroup/structures.js';
import { cgroupFiles314 } from '../fs/cgroup-directory.js';
import { trylockOnce } from '../locking/mutex.js';
import { initRootArray } from '../mm/memcontrol/cache-ids.js';
import {
  activePayer,
  memcgKmemGetCacheUnreferenced,
  scheduleCreateOnSystemWq,
} from '../mm/memcontrol/create-on-system-wq.js';
import { destroyRootWithChildren } from '../mm/memcontrol/destroy-work.js';
import { chargeSlabToCurrent, unchargeSlabBytes } from '../mm/memcontrol/kmem-charge.js';
import { byteLimits, memcgPropagateKmem } from '../mm/memcontrol/kmem-limit.js';
import { memcgReleasePages } from '../mm/memcontrol/release-pages.js';
import { memCgroupCssFree, memCgroupCssOffline } from '../mm/memcontrol/reparent-charges.js';
import { swapOnEachCpu } from '../mm/slab/tune.js';
import { rcuBarrier } from '../rcu/barrier.js';
import { waitForCsd } from '../smp/call-function.js';
import { takeCalls } from '../smp/call-queue.js';
import { runCall } from '../smp/interrupt.js';
import { withBuffers314 } from '../syscalls/buffers-3.14.js';

/** 3.14: everything a task in a kmem-active memcg allocates is accounted; nothing counts references to the memcg's caches. */
const policies = (): Policies => ({
  smp: {
    maskCallRings: 'everyTarget',
    takeCalls,
    runCall,
    releaseAsync: 'afterRun',
    waitForCsd,
    everyone: (cpu) => cpu.published.onlineCpus(),
  },
  locking: { trylock: trylockOnce },
  slab: {
    swapArrays: swapOnEachCpu,
    afterPublish: function* nothingMore() {},
    kicksPerPublish: () => 1,
    waitsForShared: false,
    trims: 'emptied',
    barrierBeforeRelease: rcuBarrier,
  },
  memcg: {
    payer: activePayer,
    getCache: memcgKmemGetCacheUnreferenced,
    putCache: function* nothingHeld() {},
    freeHook: null,
    scheduleCreate: scheduleCreateOnSystemWq,
    creationQueue: 'system_wq',
    chargeSlab: chargeSlabToCurrent,
    unchargeSlab: unchargeSlabBytes,
    releasePages: memcgReleasePages,
    pagesHoldCss: false,
    limits: byteLimits,
    destroyRoot: destroyRootWithChildren,
    initRootArray,
    online: memcgPropagateKmem,
    offline: memCgroupCssOffline,
    free: memCgroupCssFree,
  },
  cgroup: { release: cssReleaseAtOnce, freeLater: cssFreeByRcu, structures: structures314 },
  fs: {
    procInodeCache: 'proc_inode_cache',
    tmpInodeCache: 'shmem_inode_cache',
    procDropsAtClose: true,
    cgroupFiles: cgroupFiles314,
    rmdirLeavesNegative: false,
    withBuffers: withBuffers314,
    calWithoutTlb: true,
  },
});

export const v314: KernelVersion = {
  name: 'v3.14',
  source: '3.14.1',
  summary: 'everything is accounted once kmem is limited; caches go by work items that nothing synchronises with',
  caches: caches314,
  policies,
};
