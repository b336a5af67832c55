import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import type { SlabAllocator } from '../slab-common/allocator.js';
import { slabAlloc, slabAllocNode } from './alloc.js';
import { kmemCacheShrink, kmemCacheShutdown } from './drain.js';
import { slabFree } from './free.js';
import { slabGeometry } from './geometry.js';
import { cpuupCanceled, cpuupPrepare } from './hotplug.js';
import { releaseNode } from './node-handlers.js';
import { startCpuTimer } from './reap.js';
import { getSlabinfo } from './slabinfo.js';
import { doTuneCpucache, enableCpucache, freeArraySet, setupCpuCache } from './tune.js';

/** __kmem_cache_release (4.10): the per-CPU arrays and the structures of every node. */
function* kmemCacheRelease(cpu: Cpu, cache: Handle): Coroutine<void> {
  const set = cpu.published.caches.read(cache, CacheField.cpuCache);
  yield* call(freeArraySet, cpu, set);
  yield* requestAll(cpu.allNodes, releaseNode, { cache, set });
}

/** kmem_cache_init_late: every boot cache gets its real arrays. */
function* kmemCacheInitLate(cpu: Cpu, caches: readonly Handle[]): Coroutine<void> {
  for (const cache of caches) yield* call(enableCpucache, cpu, cache);
}

/** mm/slab.c. */
export const slabAllocator: SlabAllocator = {
  name: 'slab',
  geometry: slabGeometry,
  alloc: slabAlloc,
  allocNode: slabAllocNode,
  free: slabFree,
  *setup(cpu, cache) {
    yield* call(setupCpuCache, cpu, cache);
    return true;
  },
  initLate: kmemCacheInitLate,
  shrink: kmemCacheShrink,
  shutdown: kmemCacheShutdown,
  *unlink() {},
  beforeRelease: null,
  release: kmemCacheRelease,
  slabinfo: getSlabinfo,
  tune: doTuneCpucache,
  startCpu: startCpuTimer,
  prepareCpu: cpuupPrepare,
  deadCpu: cpuupCanceled,
};
