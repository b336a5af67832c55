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
import { freeArraySet, setupCpuCache } from './tune.js';

/** __kmem_cache_release (4.10): the per-CPU arrays and the structures of every node. */
function* kmemCacheRelease(cpu: Cpu, cache: Handle): Coroutine<void> {
  const set = cpu.published.caches.read(cache, CacheField.cpuCache);
  yield* call(freeArraySet, cpu, set);
  yield* requestAll(cpu.allNodes, releaseNode, { cache, set });
}

/** mm/slab.c. */
export const slabAllocator: SlabAllocator = {
  name: 'slab',
  geometry: slabGeometry,
  alloc: slabAlloc,
  allocNode: slabAllocNode,
  free: slabFree,
  setup: setupCpuCache,
  shrink: kmemCacheShrink,
  shutdown: kmemCacheShutdown,
  release: kmemCacheRelease,
  startCpu: startCpuTimer,
  prepareCpu: cpuupPrepare,
  deadCpu: cpuupCanceled,
};
