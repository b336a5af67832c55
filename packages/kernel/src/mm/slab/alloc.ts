import { type Coroutine, call, type Handle, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { allocSlabPages } from '../slab-common/slab-pages.js';
import { cacheAllocNode, fallbackAlloc } from './alloc-node.js';
import type { ArrayCache } from './array-cache.js';
import { cpuCacheGet, isStale, presentArray, useAfterFree } from './cpu-array.js';
import { addSlab, refill } from './node-handlers.js';

/** Entries refilled at most if the array was not touched since the last cache_reap. */
const UNTOUCHED_BATCH = 16;

/**
 * slab_alloc (mm/slab.c 4.10) without the memcg hook: an object of exactly this cache, from this CPU's node. Process
 * context or softirq, interrupts on. 0 if there is no memory or the memcg may not be charged.
 */
export function* slabAlloc(cpu: Cpu, cache: Handle): Coroutine<ObjectRef> {
  const object = fastPath(cpu, cache) || (yield* call(doCacheAlloc, cpu, cache));
  cpu.debt += cpu.costs['slab.fastPath'];
  return object;
}

/** An array hit. Nothing can come between its steps, so it does what doCacheAlloc would. */
function fastPath(cpu: Cpu, cache: Handle): ObjectRef {
  const array = presentArray(cpu, cache);
  if (array === undefined || array.avail === 0) return 0;
  array.touched = true;
  return array.pop();
}

/** __do_cache_alloc: array, refill, grow, with interrupts off except while pages are allocated. */
function* doCacheAlloc(cpu: Cpu, cache: Handle): Coroutine<ObjectRef> {
  const saved = cpu.irqSave();
  const array = yield* call(cpuCacheGet, cpu, cache);
  const usable = array.avail > 0 ? array : yield* call(cacheAllocRefill, cpu, cache, array);
  let object = 0;
  if (usable !== null) {
    if (isStale(cpu, usable)) yield* call(useAfterFree, cpu, cache, usable.set);
    usable.touched = true;
    object = usable.pop();
  }
  if (object === 0) object = yield* call(fallbackAlloc, cpu, cache);
  cpu.irqRestore(saved);
  return object;
}

/** kmem_cache_alloc_node without the memcg hook: on this CPU's node as slabAlloc, else past its array. */
export function* slabAllocNode(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  if (node === cpu.node) return yield* call(slabAlloc, cpu, cache);
  const saved = cpu.irqSave();
  const object = yield* call(cacheAllocNode, cpu, cache, node);
  cpu.irqRestore(saved);
  return object;
}

/** cache_alloc_refill: a batch from the node's lists, else a new slab. Evaluates to the array that now has objects, null if there is no memory. */
function* cacheAllocRefill(cpu: Cpu, cache: Handle, array: ArrayCache): Coroutine<ArrayCache | null> {
  const batch = array.touched ? array.batchcount : Math.min(array.batchcount, UNTOUCHED_BATCH);
  const objects = yield* request(cpu.node, refill, { cache, want: Math.min(batch, array.limit) }, cache);
  if (isStale(cpu, array)) yield* call(useAfterFree, cpu, cache, array.set);
  for (const object of objects) array.push(object);
  return array.avail > 0 ? array : yield* call(cacheGrow, cpu, cache, batch);
}

/**
 * cache_grow_begin and cache_grow_end: one slab from the page allocator, charged to the cache's memcg. Interrupts are on
 * meanwhile, so the array is looked up again; if it is still empty it gets a batch out of the new slab.
 */
function* cacheGrow(cpu: Cpu, cache: Handle, batch: number): Coroutine<ArrayCache | null> {
  const order = cpu.published.caches.read(cache, CacheField.order);
  cpu.irqRestore(false);
  const charged = yield* call(allocSlabPages, cpu, cache, order);
  cpu.irqSave();
  if (charged === null) return null;
  const array = yield* call(cpuCacheGet, cpu, cache);
  const take = array.avail === 0 ? Math.min(batch, array.limit) : 0;
  const { page, memcg } = charged;
  const objects = yield* request(cpu.node, addSlab, { cache, page, memcg, take }, cache);
  if (isStale(cpu, array)) yield* call(useAfterFree, cpu, cache, array.set);
  for (const object of objects) array.push(object);
  return array;
}
