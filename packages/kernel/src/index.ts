export * from './boot/start-kernel.js';
export * from './build.js';
export * from './cpu.js';
export { BUG, defects } from './defect.js';
export { lruIdOf } from './fs/dentry-lru.js';
export { EIO, ENOMEM } from './fs/types.js';
export * from './guest/agent.js';
export * from './guest/program.js';
export { INVENTORY_ROWS, inventoryOf, KMEM_STATES, type NodeInventory, outOfSlotOf } from './inventory.js';
export { mutexNames } from './locking/mutex.js';
export { spinlockNames } from './locking/spinlock.js';
export { MessageKinds } from './message-kinds.js';
export { lruFilesystems } from './mm/list-lru.js';
export { READ_OBJCG_MEMCG } from './mm/memcontrol/byte-stock.js';
export { FOUND_IN_SLOT, SLOT_READ } from './mm/memcontrol/destroy-work.js';
export { placeOf, slabItemOf, slabItems } from './mm/memcontrol/lruvec-counters.js';
export { ITEM_NOT_PENDING, PAGES_RELEASED } from './mm/memcontrol/release-pages.js';
export { CALLED_WORK_FN } from './mm/memcontrol/reparent-caches.js';
export { DRAIN_LOCKED } from './mm/memcontrol/stock.js';
export { KMEM_WQ_LOCKED } from './mm/memcontrol/wq-lock.js';
export { PAGE_SIZE } from './mm/page.js';
export { LOADED_CPU_CACHE } from './mm/slab/free.js';
export { slabGeometry } from './mm/slab/geometry.js';
export { SlabFlag } from './mm/slab/types.js';
export { slabAllocFromNode } from './mm/slab-common/alloc.js';
export { kmemCacheFree } from './mm/slab-common/free.js';
export type { Geometry } from './mm/slab-common/geometry.js';
export * from './node.js';
export * from './node-memory.js';
export * from './patch-api.js';
export * from './patches/index.js';
export { type RefOwner, refOwners } from './percpu-ref/counters.js';
export { type PercpuRef, REF_BIAS } from './percpu-ref/percpu-ref.js';
export { policyWords } from './policy-words.js';
export {
  CacheField,
  CssField,
  memcgCacheId,
  ObjcgField,
  rootMemcg,
  Scalar,
} from './published-state.js';
export { Flavour, type RcuFlavourName, rcuFlavours, rcuKindsOf } from './rcu/flavours.js';
export { rcuAdoptOrphans, rcuCpuDying, rcuCpuStarting } from './rcu/hotplug.js';
export type { RcuReaderWaits } from './rcu/waits.js';
export * from './registry.js';
export { fallbackCpu } from './sched/allowed-cpu.js';
export { pointLabels, type Stretch } from './sched/preemption-point.js';
export type { TaskRecord } from './sched/task.js';
export { kickAllCpusSync } from './smp/kick.js';
export type { Syscall, SyscallResult } from './syscalls/table.js';
export * from './tracepoints.js';
export { mayReplace, valueKind } from './value-kind.js';
export * from './versions/index.js';
export { type CpuWaits, type NodeWaits, nodeWaitsOf, type Waiting, waitsOf } from './waits.js';
export type { CpuWords, Disturbances } from './words.js';
export { workqueues } from './workqueue/queues.js';
export { flushWorkqueue, queueNewWork } from './workqueue/workqueue.js';
