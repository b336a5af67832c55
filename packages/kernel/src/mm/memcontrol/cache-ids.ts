import { BOOT_NODE, type Coroutine, call, type Handle, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField, Scalar } from '../../published-state.js';
import { kfreeRcu } from '../../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { listRoots } from '../slab-common/cache-list.js';
import { memcgUpdateAllListLrus } from './list-lrus.js';

const MIN_SIZE = 4;
const MAX_SIZE = 65535;

/** memcg_cache_ida: the lowest free index. */
export const allocateId = defineHandler('memcg.allocateId', (node, _args: null): number => node.cacheIds.allocate());

const freeId = defineHandler('memcg.freeId', (node, args: { id: number }): void => {
  node.cacheIds.free(args.id);
});

const allocateArray = defineHandler('memcg.allocateArray', (node, _args: null): Handle => node.newArrayHandle());

/** One root's memcg_caches pointer now points to a larger copy of its array. */
const replaceArray = defineHandler(
  'memcg.replaceArray',
  (node, args: { root: Handle; array: Handle; size: number }): void => {
    const { caches, memcgArrays } = node.published;
    const old = caches.read(args.root, CacheField.memcgCaches);
    memcgArrays.publish(args.array, args.size);
    for (let id = 0; id < memcgArrays.lengthOf(old); id++) memcgArrays.write(args.array, id, memcgArrays.read(old, id));
    caches.write(args.root, CacheField.memcgCaches, args.array);
  },
);

const publishSize = defineHandler('memcg.publishCacheIds', (node, args: { size: number }): void => {
  node.published.setScalar(Scalar.memcgCacheIds, args.size);
});

const dropArray = defineHandler('memcg.dropArray', (node, args: { array: Handle }): void => {
  node.published.memcgArrays.drop(args.array);
});

const freeArray = defineFunction('rcu', 'kfree_memcg_caches', function* kfreeMemcgCaches(cpu, array) {
  yield* requestAll(cpu.allNodes, dropArray, { array });
});

/** update_memcg_params: replace one root's array by one of `size` entries; the old one is freed after a grace period. */
function* updateMemcgParams(cpu: Cpu, root: Handle, size: number): Coroutine<void> {
  const old = cpu.published.caches.read(root, CacheField.memcgCaches);
  const array = yield* request(BOOT_NODE, allocateArray, null);
  yield* requestAll(cpu.allNodes, replaceArray, { root, array, size });
  if (old !== 0) yield* call(kfreeRcu, cpu, freeArray, old);
}

/** memcg_update_all_caches: every root, under slab_mutex. */
export function* memcgUpdateAllCaches(cpu: Cpu, size: number): Coroutine<void> {
  cpu.counters.add('memcg_update_all_caches');
  yield* call(mutexLock, cpu, 'slab_mutex');
  for (const root of yield* request(BOOT_NODE, listRoots, null)) yield* call(updateMemcgParams, cpu, root, size);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}

const sizeFor = (id: number): number => Math.min(MAX_SIZE, Math.max(MIN_SIZE, 2 * (id + 1)));

/** Room for an index in the arrays of all roots (3.14). Caller holds slab_mutex. */
export function* growArrays(cpu: Cpu, id: number): Coroutine<void> {
  if (id < cpu.published.scalar(Scalar.memcgCacheIds)) return;
  const size = sizeFor(id);
  for (const root of yield* request(BOOT_NODE, listRoots, null)) yield* call(updateMemcgParams, cpu, root, size);
  yield* requestAll(cpu.allNodes, publishSize, { size });
}

/**
 * memcg_alloc_cache_id (4.10): an index in all memcg_caches arrays; if they are too small, they grow to twice the number of
 * ids needed. Process context under cgroup_mutex.
 */
export function* memcgAllocCacheId(cpu: Cpu): Coroutine<number> {
  const id = yield* request(BOOT_NODE, allocateId, null);
  if (id < cpu.published.scalar(Scalar.memcgCacheIds)) return id;
  yield* call(mutexLock, cpu, 'memcg_cache_ids_sem');
  const size = sizeFor(id);
  yield* call(cpu.build.policies.memcg.growArrays, cpu, size);
  yield* call(memcgUpdateAllListLrus, cpu, size);
  yield* requestAll(cpu.allNodes, publishSize, { size });
  yield* call(mutexUnlock, cpu, 'memcg_cache_ids_sem');
  return id;
}

/** memcg_free_cache_id. */
export function* memcgFreeCacheId(cpu: Cpu, id: number): Coroutine<void> {
  cpu.counters.add('memcg_free_cache_id');
  yield* request(BOOT_NODE, freeId, { id });
}

/** init_memcg_params of a new root: an array of the current size, if any memcg is kmem-active. Caller holds slab_mutex. */
export function* initRootArray(cpu: Cpu, root: Handle): Coroutine<void> {
  const size = cpu.published.scalar(Scalar.memcgCacheIds);
  if (size > 0) yield* call(updateMemcgParams, cpu, root, size);
}
