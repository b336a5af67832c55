import { caches52 } from '../boot/caches-5.2.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { drainLocalObjStock } from '../mm/memcontrol/byte-stock.js';
import { memcgReparentObjcgs } from '../mm/memcontrol/obj-cgroup.js';
import { memcgSlabFreeHook, memcgSlabPostAllocHook, memcgSlabPreAllocHook } from '../mm/memcontrol/obj-hooks.js';
import { chargeNoSlab, memcgOnlineObjcg } from '../mm/memcontrol/obj-lifecycle.js';
import { freeObjVector } from '../mm/memcontrol/obj-vector.js';
import { chargeBlock, drainPagesOf, oneRefPerStock, unchargeBlock } from '../mm/memcontrol/page-stock.js';
import { allocStatistics, freeStatistics } from '../mm/memcontrol/percpu-statistics.js';
import { byBytes } from '../mm/reclaim-policies.js';
import { v53 } from './v5.3.js';

/** What earlier versions do with memcg caches, of which there are none. */
function* nothing(): Generator<never, void> {}

/**
 * 5.9: no memcg caches, and nothing of what 5.3 does with them. Each object has an owner, an obj_cgroup, which a removed memcg
 * leaves to its parent. Destroying a root cache waits for nothing. A wake-up on another CPU interrupts it as a single call does.
 */
const policies = (config: KernelConfig): Policies => {
  const before = v53.policies(config);
  return {
    ...before,
    smp: { ...before.smp, wakeups: 'call' },
    slab: { ...before.slab, beforeDestroy: nothing },
    reclaim: byBytes(before.reclaim),
    memcg: {
      ...before.memcg,
      getCache: memcgSlabPreAllocHook,
      putCache: memcgSlabPostAllocHook,
      freeHook: memcgSlabFreeHook,
      freeSlabHook: freeObjVector,
      scheduleCreate: nothing,
      chargeSlab: chargeNoSlab,
      unchargeSlab: nothing,
      links: null,
      deactivate: memcgReparentObjcgs,
      drainLocalStock: drainLocalObjStock,
      drainStockOf: drainPagesOf,
      stockRefs: oneRefPerStock,
      chargePages: chargeBlock,
      unchargePages: unchargeBlock,
      cssRefsOfBlock: () => 1,
      growArrays: nothing,
      initRootArray: nothing,
      cacheIdsLock: null,
      allocStatistics,
      online: memcgOnlineObjcg,
      free: freeStatistics,
    },
  };
};

export const v59: KernelVersion = {
  name: 'v5.9',
  source: '5.9.1',
  summary: 'no memcg caches: objects are charged one by one, by bytes, and reparented when their memcg is removed',
  caches: caches52,
  policies,
};
