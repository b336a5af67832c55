import { type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineFunction } from '../../registry.js';
import { onEachCpu } from '../../smp/call-function.js';
import { Trace } from '../../tracepoints.js';
import { presentArray } from './cpu-array.js';
import { drainAlien, slabsDestroy } from './free.js';
import { drainFreelist, drainShared, freeBlock, takeAliens } from './node-handlers.js';

/** do_drain: give back everything in this CPU's array. Runs on each CPU with interrupts off. */
const doDrain = defineFunction('csd', 'do_drain', function* doDrainOnCpu(cpu, cache) {
  const array = presentArray(cpu, cache);
  if (array === undefined || array.avail === 0) return;
  cpu.trace(Trace.arrayAccess, cache, array.set, cpu.id, array.avail);
  const objects = array.takeOldest(array.avail);
  const detached = yield* request(cpu.node, freeBlock, { cache, objects }, cache);
  yield* call(slabsDestroy, cpu, cache, detached);
});

/**
 * drain_cpu_caches (4.10): every CPU's array by an all-CPU call, N−1 IPIs even if no CPU holds an object; then every
 * alien array of every node, then every shared array.
 */
export function* drainCpuCaches(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(onEachCpu, cpu, doDrain, cache, true);
  if (cpu.topology.nodes > 1) {
    for (const node of cpu.allNodes) {
      const aliens = yield* request(node, takeAliens, { cache }, cache);
      for (const [home, objects] of aliens) yield* call(drainAlien, cpu, cache, home, objects);
    }
  }
  for (const node of cpu.allNodes) {
    const detached = yield* request(node, drainShared, { cache }, cache);
    yield* call(slabsDestroy, cpu, cache, detached);
  }
}

/** drain_freelist for all free slabs of one node; evaluates to the number of slabs left there. */
export function* drainFreelistOf(cpu: Cpu, cache: Handle, node: number): Coroutine<number> {
  for (;;) {
    const { detached, left } = yield* request(node, drainFreelist, { cache }, cache);
    if (detached === null) return left;
    yield* call(slabsDestroy, cpu, cache, [detached]);
  }
}

/**
 * __kmem_cache_shrink (4.10): drain everything, free all free slabs. Evaluates to true if no slab is left. Takes no lock.
 * @param counts it is called by this name
 */
export function* kmemCacheShrink(cpu: Cpu, cache: Handle, counts = true): Coroutine<boolean> {
  if (counts) cpu.counters.add('kmem_cache_shrink');
  yield* call(drainCpuCaches, cpu, cache);
  let left = 0;
  for (const node of cpu.allNodes) left += yield* call(drainFreelistOf, cpu, cache, node);
  return left === 0;
}

/** __kmem_cache_shutdown (4.10): shrink; true if the cache was empty. Caller holds slab_mutex. */
export function* kmemCacheShutdown(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  cpu.counters.add('shutdown_cache');
  const empty = yield* call(kmemCacheShrink, cpu, cache, cpu.build.policies.slab.shutdownShrinks);
  cpu.trace(Trace.cacheShutdown, cache, Number(empty), 0, 0);
  return empty;
}
