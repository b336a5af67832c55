import { caches410 } from '../boot/caches-4.10.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { cssFreeByRcu, cssReleaseByWork } from '../cgroup/destroy.js';
import { trylockOnce } from '../locking/mutex.js';
import { initRootArray, memcgUpdateAllCaches } from '../mm/memcontrol/cache-ids.js';
import { mergedLifecycle } from '../mm/memcontrol/cache-lifecycle.js';
import {
  allocateCreateItem,
  memcgKmemGetCache,
  memcgKmemPutCache,
  optInPayer,
  scheduleCreate,
} from '../mm/memcontrol/cache-lookup.js';
import '../mm/memcontrol/cache-create.js';
import { slabinfoOf } from '../fs/slabinfo.js';
import { chargeSlab, unchargeSlab } from '../mm/memcontrol/charge.js';
import { chargePages, unchargePages } from '../mm/memcontrol/charge-page.js';
import {
  kmemCacheShrinkDeactivate,
  memcgDeactivateInTwoPasses,
  memcgDeactivateKmemCaches,
} from '../mm/memcontrol/deactivate.js';
import { memcgFreeKmem, memcgOfflineKmem, memcgOnlineKmem } from '../mm/memcontrol/lifecycle.js';
import { pageLimits } from '../mm/memcontrol/limits.js';
import { oneListOfAll } from '../mm/memcontrol/memcg-cache-lists.js';
import { drainStock, drainStockOf } from '../mm/memcontrol/stock.js';
import { reclaim410 } from '../mm/reclaim-policies.js';
import { publishArrays } from '../mm/slab/tune.js';
import { childrenOnList } from '../mm/slab-common/cache-list.js';
import { deactivationOf } from '../mm/slab-common/deactivate.js';
import { kmemCacheDestroy, leaveToCaller } from '../mm/slab-common/destroy.js';
import { slub410 } from '../mm/slub/policies.js';
import { rcuBarrier } from '../rcu/barrier.js';
import { treeRcu } from '../rcu/tree-rcu.js';
import { waitForCsd } from '../smp/call-function.js';
import { takeCalls } from '../smp/call-queue.js';
import { flushDyingCpu, runCall } from '../smp/interrupt.js';
import { kickAllCpusSync } from '../smp/kick.js';

/** 4.10: memcg caches live exactly as long as their memcg; every published array set is followed by a kick. */
const policies = (config: KernelConfig): Policies => ({
  smp: {
    maskCallRings: 'everyTarget',
    wakeups: 'reschedule',
    takeCalls,
    runCall,
    releaseAsync: 'beforeRun',
    flushDying: flushDyingCpu,
    waitForCsd,
    everyone: (cpu) => cpu.published.onlineCpus(),
  },
  rcu: { ...treeRcu, flavours: 'split', barrierCallback: 'queued' },
  locking: { trylock: trylockOnce },
  percpuRef: { exitAtSwitch: false },
  slab: {
    swapArrays: publishArrays,
    *afterPublish(cpu) {
      yield* kickAllCpusSync(cpu);
    },
    kicksPerPublish: () => 1,
    waitsForShared: true,
    trims: 'lastFree',
    shutdownShrinks: true,
    merges: config.objects === 'measured',
    beforeDestroy: function* withoutFlush() {},
    dispose: leaveToCaller,
    unlinks: 'afterShutdown',
    *barrierBeforeRelease(cpu) {
      yield* rcuBarrier(cpu);
    },
  },
  slub: slub410(),
  memcg: {
    payer: optInPayer,
    getCache: memcgKmemGetCache,
    putCache: memcgKmemPutCache,
    freeHook: null,
    afterFree: null,
    freeSlabHook: null,
    creationQueue: 'memcg_kmem_cache_create',
    scheduleCreate,
    allocateItem: allocateCreateItem,
    refuseCreation: null,
    chargeSlab,
    unchargeSlab,
    drainLocalStock: drainStock,
    drainStockOf,
    stockRefs: ({ pages }) => pages,
    growArrays: memcgUpdateAllCaches,
    pagesHoldCss: true,
    chargeAhead: null,
    hooksEveryPage: false,
    childCaches: null,
    slabinfo: slabinfoOf,
    childrenOf: childrenOnList,
    chargePages,
    unchargePages,
    cssRefsOfBlock: (order) => 2 ** order,
    limits: pageLimits,
    destroyRoot: kmemCacheDestroy,
    links: null,
    cacheLists: oneListOfAll,
    deactivationQueue: 'system_wq',
    deactivate:
      config.allocator === 'slub' ? memcgDeactivateInTwoPasses : memcgDeactivateKmemCaches(kmemCacheShrinkDeactivate),
    lifecycle: mergedLifecycle,
    deactivation: deactivationOf(config),
    initRootArray,
    cacheIdsLock: 'memcg_cache_ids_sem',
    allocStatistics: null,
    online: memcgOnlineKmem,
    offline: memcgOfflineKmem,
    free: memcgFreeKmem,
  },
  cgroup: { release: cssReleaseByWork, freeLater: cssFreeByRcu, structures: null },
  reclaim: reclaim410(),
  fs: {
    procInodeCache: 'proc_inode_cache',
    tmpInodeCache: config.tmp === 'ramfs' ? 'inode_cache' : 'shmem_inode_cache',
    procDropsAtClose: true,
    cgroupFiles: null,
    rmdirLeavesNegative: true,
    withBuffers: null,
    calWithoutTlb: false,
    recordsOf: () => [],
  },
});

export const v410: KernelVersion = {
  name: 'v4.10',
  source: '4.10.17',
  summary: 'caches die with their memcg; creation on one ordered workqueue; a kick after every cpu_cache change',
  caches: caches410,
  policies,
};
