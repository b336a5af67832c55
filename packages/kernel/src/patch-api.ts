import { after, call, post, raise, request, requestAll, spin, wait, work } from '@kmemlab/machine';
import { mutexLock, mutexTrylock, mutexUnlock } from './locking/mutex.js';
import { objCgroupCharge } from './mm/memcontrol/byte-stock.js';
import { memcgDrainAllListLrus } from './mm/memcontrol/list-lrus.js';
import { memcgFlushPercpuVmstats } from './mm/memcontrol/lruvec-stats.js';
import { getObjCgroup, objCgroupPut } from './mm/memcontrol/obj-cgroup.js';
import { chargeKmemPages, unchargeKmemPages } from './mm/memcontrol/page-stock.js';
import { drainAllStock } from './mm/memcontrol/stock.js';
import { dropSlab } from './mm/shrinker.js';
import { drainCpuCaches } from './mm/slab/drain.js';
import { kmemCacheShrink } from './mm/slab-common/shrink.js';
import { tryToFreeMemCgroupPages } from './mm/vmscan.js';
import { CacheField, CssField } from './published-state.js';
import { rcuBarrier, rcuBarrierBh, rcuBarrierSched } from './rcu/barrier.js';
import { callRcu, callRcuBh, callRcuSched, kfreeRcu } from './rcu/callbacks.js';
import { synchronizeRcuExpedited, synchronizeSchedExpedited } from './rcu/expedited.js';
import { rcuReadLock, rcuReadUnlock } from './rcu/read.js';
import { rcuReadLockSched, rcuReadUnlockSched } from './rcu/read-sched.js';
import { synchronizeRcu, synchronizeSched } from './rcu/synchronize.js';
import { hrtimerNanosleep } from './sched/timer.js';
import {
  onEachCpu,
  onEachCpuCond,
  onEachCpuMask,
  smpCallFunction,
  smpCallFunctionSingle,
} from './smp/call-function.js';
import { kickAllCpusSync } from './smp/kick.js';
import { queueRcuWork } from './workqueue/rcu-work.js';
import { flushWorkqueue, queueNewWork, queueWork } from './workqueue/workqueue.js';

/** What a patch may call: the effects, and the kernel's own functions. Handed to `apply` as its second argument. */
export const patchApi = {
  // Effects.
  call,
  work,
  request,
  requestAll,
  post,
  raise,
  wait,
  spin,
  after,
  // Kernel functions, by their kernel names in camel case.
  kickAllCpusSync,
  smpCallFunction,
  smpCallFunctionSingle,
  onEachCpu,
  onEachCpuMask,
  onEachCpuCond,
  synchronizeSched,
  synchronizeSchedExpedited,
  synchronizeRcu,
  synchronizeRcuExpedited,
  callRcu,
  callRcuSched,
  callRcuBh,
  kfreeRcu,
  rcuBarrier,
  rcuBarrierSched,
  rcuBarrierBh,
  rcuReadLock,
  rcuReadUnlock,
  rcuReadLockSched,
  rcuReadUnlockSched,
  mutexLock,
  mutexTrylock,
  mutexUnlock,
  queueWork,
  queueNewWork,
  queueRcuWork,
  flushWorkqueue,
  hrtimerNanosleep,
  kmemCacheShrink,
  drainCpuCaches,
  dropSlab,
  tryToFreeMemCgroupPages,
  drainAllStock,
  memcgDrainAllListLrus,
  memcgFlushPercpuVmstats,
  // Object-based accounting (5.9).
  getObjCgroup,
  objCgroupPut,
  objCgroupCharge,
  chargeKmemPages,
  unchargeKmemPages,
  // Names of published words.
  CacheField,
  CssField,
} as const;

export type PatchApi = typeof patchApi;
