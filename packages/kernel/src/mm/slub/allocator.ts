import { type Coroutine, call, type Handle, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import type { SlabAllocator } from '../slab-common/allocator.js';
import { slubAlloc, slubAllocNode } from './alloc.js';
import { slubFree } from './free.js';
import { defaultCpuPartial, defaultMinPartial, slubGeometry } from './geometry.js';
import { freeNode, setupNode } from './node-handlers.js';
import { kmemCacheClose, slubShrink } from './shrink.js';
import { getSlabinfo } from './slabinfo.js';
import { queueSysfsRemoval, sysfsSlabAdd, sysfsSlabRelease, sysfsSlabRemove, sysfsSlabUnlink } from './sysfs.js';

/** __kmem_cache_create (4.10): per-CPU and per-node structures, and once the system is up the directory in sysfs. */
function* kmemCacheOpen(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  const size = cpu.published.caches.read(cache, CacheField.objectSize);
  const retention = { minPartial: defaultMinPartial(size), cpuPartial: defaultCpuPartial(size) };
  yield* work(cpu.costs['percpu.alloc']);
  yield* requestAll(cpu.allNodes, setupNode, { cache, ...retention });
  if (!cpu.published.slabFull || (yield* call(sysfsSlabAdd, cpu, cache))) return true;
  yield* call(freeStructures, cpu, cache);
  return false;
}

/** slab_sysfs_init: the caches made at boot get their directories. */
function* slabSysfsInit(cpu: Cpu, caches: readonly Handle[]): Coroutine<void> {
  for (const cache of caches) yield* call(sysfsSlabAdd, cpu, cache);
}

/** __kmem_cache_shutdown: the cache is emptied, and its directory goes or is going, if the version removes it now. */
function* kmemCacheShutdown(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  const { closeFreesStructures, directoryGoes } = cpu.build.policies.slub;
  if (!(yield* call(kmemCacheClose, cpu, cache))) return false;
  if (closeFreesStructures) yield* call(freeStructures, cpu, cache);
  if (directoryGoes === 'work') yield* call(queueSysfsRemoval, cpu, cache);
  if (directoryGoes === 'shutdownLocked') yield* call(sysfsSlabRemove, cpu, cache);
  if (directoryGoes !== 'shutdown') return true;
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(sysfsSlabRemove, cpu, cache);
  yield* call(mutexLock, cpu, 'slab_mutex');
  return true;
}

/** __kmem_cache_release (4.10): free_percpu, free_kmem_cache_nodes. */
function* freeStructures(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* requestAll(cpu.allNodes, freeNode, { cache });
}

/** mm/slub.c. */
export const slubAllocator: SlabAllocator = {
  name: 'slub',
  geometry: slubGeometry,
  alloc: slubAlloc,
  allocNode: slubAllocNode,
  free: slubFree,
  setup: kmemCacheOpen,
  shrink: slubShrink,
  shutdown: kmemCacheShutdown,
  unlink: sysfsSlabUnlink,
  beforeRelease: sysfsSlabRelease,
  release: freeStructures,
  slabinfo: getSlabinfo,
  tune: null,
  *startCpu() {},
  *prepareCpu() {},
  *deadCpu() {},
  initLate: slabSysfsInit,
};
