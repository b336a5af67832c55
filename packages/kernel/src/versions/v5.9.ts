import { caches52 } from '../boot/caches-5.2.js';
import type { KernelVersion, Policies } from '../build.js';
import type { FsType } from '../fs/types.js';
import { trylockOnce } from '../locking/mutex.js';
import { optInPayer } from '../mm/memcontrol/cache-lookup.js';
import { memcgSlabFreeHook, memcgSlabPostAllocHook, memcgSlabPreAllocHook } from '../mm/memcontrol/obj-hooks.js';
import {
  chargeNoSlab,
  memcgFreeObjcg,
  memcgOfflineObjcg,
  memcgOnlineObjcg,
  memcgUpdateAllListLrus,
} from '../mm/memcontrol/obj-lifecycle.js';
import { freeObjVector } from '../mm/memcontrol/obj-vector.js';
import { oneRefPerStock } from '../mm/memcontrol/page-stock.js';
import { allocStatistics } from '../mm/memcontrol/percpu-statistics.js';
import { kickOnReplace } from '../patches/avoid-kick-on-create.js';
import { lockAndExecute, rcuBarrier } from '../rcu/barrier.js';
import { waitForCsd } from '../smp/call-function.js';
import { takeCalls } from '../smp/call-queue.js';
import { runCall } from '../smp/interrupt.js';

function* nothing(): Generator<never, void> {}

/** As in 5.2. */
const records: Partial<Record<FsType, readonly string[]>> = { cgroup: ['seq_file'], proc: ['seq_file', 'pde_opener'] };

/** 5.9: caches are shared by all memcgs; each object has an owner of its own, which a removed memcg leaves to its parent. */
const policies = (): Policies => ({
  smp: {
    maskCallRings: 'emptyQueues',
    wakeups: 'call',
    takeCalls,
    runCall,
    waitForCsd,
    everyone: (cpu) => cpu.published.onlineCpus(),
  },
  rcu: { flavours: 'consolidated', barrierCallback: 'entrained', barrier: lockAndExecute },
  locking: { trylock: trylockOnce },
  slab: {
    afterPublish: kickOnReplace,
    kicksPerPublish: (previous) => Number(previous !== 0),
    barrierBeforeRelease: rcuBarrier,
  },
  memcg: {
    payer: optInPayer,
    getCache: memcgSlabPreAllocHook,
    putCache: memcgSlabPostAllocHook,
    freeHook: memcgSlabFreeHook,
    freeSlabHook: freeObjVector,
    scheduleCreate: nothing,
    chargeSlab: chargeNoSlab,
    unchargeSlab: nothing,
    stockRefs: oneRefPerStock,
    growArrays: memcgUpdateAllListLrus,
    initRootArray: nothing,
    allocStatistics,
    online: memcgOnlineObjcg,
    offline: memcgOfflineObjcg,
    free: memcgFreeObjcg,
  },
  fs: {
    procInodeCache: 'proc_inode_cache',
    tmpInodeCache: 'shmem_inode_cache',
    procDropsAtClose: false,
    recordsOf: (fs) => records[fs] ?? [],
  },
});

export const v59: KernelVersion = {
  name: 'v5.9',
  source: '5.9.1',
  summary: 'no memcg caches: objects are charged one by one, by bytes, and reparented when their memcg is removed',
  caches: caches52,
  policies,
};
