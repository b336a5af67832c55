import { type Coroutine, call, type Handle, nodeOfObject, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { slabDestroy } from '../slab-common/slab-pages.js';
import { whilePinned } from '../slab-common/while-pinned.js';
import type { ArrayCache } from './array-cache.js';
import { cpuCacheGet, isStale, presentArray, useAfterFree } from './cpu-array.js';
import { alienPut, flush, freeBlock, receiveAlien } from './node-handlers.js';
import type { DetachedSlab } from './types.js';

/** Between reading the cpu_cache pointer and storing into the array it points to; interrupts are off. */
export const LOADED_CPU_CACHE = definePoint('kmem_cache_free:loaded-cpu_cache');

/** __cache_free (mm/slab.c 4.10), with interrupts off. Objects of another node go through this node's alien array. */
export function* slabFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  cpu.debt += cpu.costs['slab.fastPath'];
  const saved = cpu.irqSave();
  if (cpu.published.caches.read(cache, CacheField.keepsNothing) === 1) yield* call(freeAtOnce, cpu, cache, object);
  else if (nodeOfObject(object) !== cpu.node) yield* call(cacheFreeAlien, cpu, cache, object);
  else yield* call(cacheFree, cpu, cache, object);
  cpu.irqRestore(saved);
}

/** A dead cache that keeps nothing: past all arrays into the slab, which goes if it is empty then. */
function* freeAtOnce(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  const detached = yield* request(nodeOfObject(object), freeBlock, { cache, objects: [object] }, cache);
  yield* call(whilePinned, cpu, cache, call(slabsDestroy, cpu, cache, detached));
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
  while (array.avail >= array.limit) {
    yield* call(whilePinned, cpu, cache, call(cacheFlusharray, cpu, cache, array));
  }
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
  if (drained.length > 0) yield* call(whilePinned, cpu, cache, call(drainAlien, cpu, cache, home, drained));
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
