import { type Coroutine, call, type Handle, nodeOfObject, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { callRcu } from '../../rcu/callbacks.js';
import { defineFunction } from '../../registry.js';
import { preemptionPoint } from '../../sched/preemption-point.js';
import { Trace } from '../../tracepoints.js';
import { freePagesAt } from '../page-alloc.js';
import type { ArrayCache } from './array-cache.js';
import { cpuCacheGet, isStale, presentArray, useAfterFree } from './cpu-array.js';
import { alienPut, flush, receiveAlien } from './node-handlers.js';
import { type DetachedSlab, SlabFlag } from './types.js';

/** Between reading the cpu_cache pointer and storing into the array it points to; interrupts are off. */
export const LOADED_CPU_CACHE = 'kmem_cache_free:loaded-cpu_cache';

/** __cache_free (mm/slab.c 4.10), with interrupts off. Objects of another node go through this node's alien array. */
export function* slabFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  cpu.debt += cpu.costs['slab.fastPath'];
  const saved = cpu.irqSave();
  if (nodeOfObject(object) !== cpu.node) yield* call(cacheFreeAlien, cpu, cache, object);
  else yield* call(cacheFree, cpu, cache, object);
  cpu.irqRestore(saved);
}

/** ___cache_free: push onto this CPU's array, flushing its oldest entries first if it is full. */
function* cacheFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  const array = presentArray(cpu, cache) ?? (yield* call(cpuCacheGet, cpu, cache));
  if (cpu.instrumented) {
    const changed = () => cpu.published.caches.read(cache, CacheField.cpuCache) !== array.set;
    yield* call(preemptionPoint, cpu, LOADED_CPU_CACHE, cache, { changed, gone: () => isStale(cpu, array) });
  }
  if (isStale(cpu, array)) yield* call(useAfterFree, cpu, cache, array.set);
  // Destroying slabs may free their vectors into this very array (5.9).
  while (array.avail >= array.limit) yield* call(cacheFlusharray, cpu, cache, array);
  if (isStale(cpu, array)) yield* call(useAfterFree, cpu, cache, array.set);
  array.push(object);
}

/** cache_flusharray: move a batch of the oldest entries to the shared array or the slabs. */
function* cacheFlusharray(cpu: Cpu, cache: Handle, array: ArrayCache): Coroutine<void> {
  const objects = array.contents().slice(0, array.batchcount);
  const { taken, detached } = yield* request(cpu.node, flush, { cache, objects }, cache);
  if (isStale(cpu, array)) yield* call(useAfterFree, cpu, cache, array.set);
  array.takeOldest(taken);
  yield* call(slabsDestroy, cpu, cache, detached);
}

/** cache_free_alien: into the alien array for the object's node; a full one is drained there first. */
function* cacheFreeAlien(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  const home = nodeOfObject(object);
  const drained = yield* request(cpu.node, alienPut, { cache, home, object }, cache);
  if (drained.length > 0) yield* call(drainAlien, cpu, cache, home, drained);
}

/** __drain_alien_cache. */
export function* drainAlien(cpu: Cpu, cache: Handle, home: number, objects: ObjectRef[]): Coroutine<void> {
  const detached = yield* request(home, receiveAlien, { cache, objects }, cache);
  yield* call(slabsDestroy, cpu, cache, detached);
}

/** slabs_destroy: after list_lock was dropped, free the detached slabs. */
export function* slabsDestroy(cpu: Cpu, cache: Handle, slabs: readonly DetachedSlab[]): Coroutine<void> {
  for (const slab of slabs) yield* call(slabDestroy, cpu, cache, slab);
}

/** slab_destroy: at once, or through RCU for a SLAB_DESTROY_BY_RCU cache. */
function* slabDestroy(cpu: Cpu, cache: Handle, slab: DetachedSlab): Coroutine<void> {
  if ((cpu.published.caches.read(cache, CacheField.flags) & SlabFlag.destroyByRcu) !== 0) {
    cpu.rcuSlabs.set(slab.page, { cache, slab });
    yield* call(callRcu, cpu, kmemRcuFree, slab.page);
    return;
  }
  yield* call(kmemFreepages, cpu, cache, slab);
}

/** kmem_freepages: what the version's accounting has for the block goes, then its pages. */
function* kmemFreepages(cpu: Cpu, cache: Handle, slab: DetachedSlab): Coroutine<void> {
  const { unchargeSlab, freeSlabHook } = cpu.build.policies.memcg;
  if (freeSlabHook !== null) yield* call(freeSlabHook, cpu, slab.page);
  yield* call(unchargeSlab, cpu, cache, slab.memcg, slab.order, slab.page);
  yield* call(freePagesAt, cpu, slab.page);
}

/** kmem_rcu_free: runs on the CPU that queued it, where the slab waits. */
const kmemRcuFree = defineFunction('rcu', 'kmem_rcu_free', function* kmemRcuFreeCallback(cpu, page) {
  const waiting = cpu.rcuSlabs.get(page);
  if (waiting === undefined) return;
  cpu.rcuSlabs.delete(page);
  cpu.trace(Trace.rcuPageFree, waiting.slab.page, waiting.cache, 0, 0);
  yield* call(kmemFreepages, cpu, waiting.cache, waiting.slab);
});
