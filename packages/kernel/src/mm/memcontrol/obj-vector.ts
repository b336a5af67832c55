import { type Coroutine, call, type Handle, homeOf, type ObjectRef, pageOf, request, slotOf } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { KernelNode } from '../../node.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { slabAllocFromNode } from '../slab-common/alloc.js';
import { kmemCacheFree } from '../slab-common/free.js';

/** Bytes of one entry. */
const POINTER_BYTES = 8;

/** Store an object's owner. False if its block has no vector yet: nothing is stored then. */
const setOwner = defineHandler('objVector.set', (node, args: { object: ObjectRef; objcg: Handle }): boolean => {
  const vector = node.objVectors.get(pageOf(args.object));
  if (vector === undefined) return false;
  vector.owners[slotOf(args.object)] = args.objcg;
  return true;
});

/** Who pays for an object of this node, 0 for nobody. */
export const ownerOf = (node: KernelNode, object: ObjectRef): Handle =>
  node.objVectors.get(pageOf(object))?.owners[slotOf(object)] ?? 0;

/** Read an object's owner and clear the entry; 0 if nobody pays for it. */
export const takeOwner = defineHandler('objVector.take', (node, args: { object: ObjectRef }): Handle => {
  const { object } = args;
  const objcg = ownerOf(node, object);
  const owners = node.objVectors.get(pageOf(object))?.owners;
  if (owners !== undefined && objcg !== 0) owners[slotOf(object)] = 0;
  return objcg;
});

/** cmpxchg of page->obj_cgroups: false if another CPU was first. */
const publishVector = defineHandler(
  'objVector.publish',
  (node, args: { page: Handle; object: ObjectRef; cache: Handle; objects: number }): boolean => {
    const { page, object, cache, objects } = args;
    if (node.objVectors.has(page)) return false;
    node.objVectors.set(page, { object, cache, owners: new Array<Handle>(objects).fill(0) });
    return true;
  },
);

/** page->obj_cgroups := NULL; answers with the object that held the vector, null if there was none. */
const takeVector = defineHandler(
  'objVector.remove',
  (node, args: { page: Handle }): { object: ObjectRef; cache: Handle } | null => {
    const vector = node.objVectors.get(args.page);
    if (vector === undefined) return null;
    node.objVectors.delete(args.page);
    return { object: vector.object, cache: vector.cache };
  },
);

/** Sizes of the kmalloc caches in bytes, ascending. A vector has one entry for each of at most 256 objects. */
const KMALLOC_SIZES = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048] as const;

/** The root cache that kmalloc takes for a size in bytes: the smallest that is large enough; SLAB has none below 32. */
function kmallocCache(cpu: Cpu, bytes: number): Handle {
  for (const size of KMALLOC_SIZES) {
    const cache = size >= bytes ? cpu.published.roots.get(`kmalloc-${size}`) : 0;
    if (cache !== 0) return cache;
  }
  throw new Error(`no kmalloc cache has objects of ${bytes} bytes`);
}

/**
 * memcg_alloc_page_obj_cgroups (5.9): the vector of a slab block, a kmalloc object on the block's node that nobody pays
 * for. Two CPUs may both make one; the second frees its own. False if there is no memory.
 */
function* allocVector(cpu: Cpu, cache: Handle, page: Handle): Coroutine<boolean> {
  const objects = cpu.published.caches.read(cache, CacheField.num);
  const vectors = kmallocCache(cpu, objects * POINTER_BYTES);
  const object = yield* call(slabAllocFromNode, cpu, vectors, homeOf(page));
  if (object === 0) return false;
  const first = yield* request(homeOf(page), publishVector, { page, object, cache: vectors, objects }, page);
  if (!first) yield* call(kmemCacheFree, cpu, vectors, object);
  return true;
}

/** From now on `objcg` pays for an object. The first accounted object of a block makes its vector; false if that fails. */
export function* setObjectOwner(cpu: Cpu, cache: Handle, object: ObjectRef, objcg: Handle): Coroutine<boolean> {
  const page = pageOf(object);
  if (yield* request(homeOf(page), setOwner, { object, objcg }, page)) return true;
  if (!(yield* call(allocVector, cpu, cache, page))) return false;
  return yield* request(homeOf(page), setOwner, { object, objcg }, page);
}

/** Who has paid for an object that is being freed, and pays no more; 0 for nobody. */
export function* takeObjectOwner(object: ObjectRef): Coroutine<Handle> {
  const page = pageOf(object);
  return yield* request(homeOf(page), takeOwner, { object }, page);
}

/** memcg_free_page_obj_cgroups (5.9): a block goes back to the page allocator, and its vector to its kmalloc cache. Any context. */
export function* freeObjVector(cpu: Cpu, page: Handle): Coroutine<void> {
  const vector = yield* request(homeOf(page), takeVector, { page }, page);
  if (vector !== null) yield* call(kmemCacheFree, cpu, vector.cache, vector.object);
}
