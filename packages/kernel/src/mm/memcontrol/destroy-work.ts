import { type Coroutine, call, type Handle, homeOf, request, VerdictError } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField, memcgCacheId, memcgKmemIsActive } from '../../published-state.js';
import { defineFunction } from '../../registry.js';
import { definePoint } from '../../sched/preemption-point.js';
import { cancelWorkSync } from '../../workqueue/cancel.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { kmemCacheShrink } from '../slab-common/shrink.js';
import { slotsOf } from '../slab-common/slots.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';
import { addPages, DESTROY_WORK, destroyItem, setDead } from './cache-params.js';
import { childCachesOf } from './child-caches.js';
import { destroyCache } from './destroy-cache.js';
import { listMemcgCaches } from './register-cache.js';
import { childPoint } from './release-pages.js';

/** The cache was found through its slot; nothing keeps it from being destroyed by somebody else. */
export const FOUND_IN_SLOT = definePoint('kmem_cache_destroy_work_func:found');
/** Root destruction has read a slot without slab_mutex. */
export const SLOT_READ = definePoint('kmem_cache_destroy_memcg_children:slot-read');

/** kmem_cache_shrink (3.14): SLAB holds slab_mutex, SLUB nothing. */
export function* shrinkChild(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (cpu.build.allocator.name === 'slub') {
    yield* call(kmemCacheShrink, cpu, cache);
    return;
  }
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* call(kmemCacheShrink, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
}

/** memcg_params_to_cache (3.14): through the slot of the cache's memcg. */
export function* cacheInSlot(cpu: Cpu, params: Handle): Coroutine<Handle> {
  const { caches } = cpu.published;
  const memcg = caches.read(params, CacheField.memcg);
  if (memcg === 0) return 0;
  const id = memcgCacheId(cpu.published, memcg);
  return yield* call(cacheFromMemcgIdx, cpu, caches.read(params, CacheField.root), id);
}

/** kmem_cache_destroy_work_func (3.14). */
defineFunction('work', DESTROY_WORK, function* kmemCacheDestroyWorkFunc(cpu, params) {
  const { ofParams, destroyWork, unregistersFirst } = childCachesOf(cpu);
  const cache = yield* call(ofParams, cpu, params);
  if (cache === 0 && unregistersFirst) cpu.bug('the destroy work dereferences NULL: its cache has left its slot');
  if (cache === 0) destroyedAlready(cpu, params);
  if (cpu.instrumented) yield* call(childPoint, cpu, FOUND_IN_SLOT, cache);
  yield* call(destroyWork, cpu, cache);
});

/**
 * A dead cache with pages is shrunk, and that is all; without, it is destroyed (3.14). If the shrink empties it, the release
 * of its last page queues the item again.
 */
export function* shrinkOrDestroy(cpu: Cpu, cache: Handle): Coroutine<void> {
  const pages = yield* request(homeOf(cache), addPages, { cache, by: 0, defect: 'V0-c' }, cache);
  if (pages !== 0) yield* call(shrinkChild, cpu, cache);
  else yield* call(destroyCache, cpu, cache, 'V0-c');
}

function destroyedAlready(cpu: Cpu, cache: Handle): never {
  throw new VerdictError({
    class: 'double-destroy',
    id: 'V0-c',
    object: `cache ${cache.toString(16)}`,
    steps: [cpu.step()],
    detail: 'its destroy work finds the slot of the cache empty: it was destroyed already',
  });
}

/** mem_cgroup_destroy_all_caches (3.14), at offline: mark every cache of the memcg dead and queue its destroy work. */
export function* memCgroupDestroyAllCaches(cpu: Cpu, css: Handle): Coroutine<void> {
  if (!memcgKmemIsActive(cpu.published, css)) return;
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  for (const cache of yield* request(homeOf(css), listMemcgCaches, { css }, css)) {
    const work = yield* request(homeOf(cache), setDead, { cache, dead: true, defect: 'V0-f' }, cache);
    yield* call(queueWork, cpu, 'system_wq', work);
  }
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
}

/**
 * kmem_cache_destroy_memcg_children (3.14): under activate_kmem_mutex, which keeps new ids away but not the destroy works,
 * take every child of the root, call its destroy work off and destroy it here.
 */
export function* destroyMemcgChildren(cpu: Cpu, root: Handle): Coroutine<void> {
  const { caches, memcgArrays } = cpu.published;
  const { reaper } = childCachesOf(cpu);
  yield* call(mutexLock, cpu, 'activate_kmem_mutex');
  for (let id = 0; id < memcgArrays.lengthOf(caches.read(root, CacheField.memcgCaches)); id++) {
    const cache = yield* call(cacheFromMemcgIdx, cpu, root, id);
    if (cache === 0) continue;
    if (cpu.instrumented) yield* call(childPoint, cpu, SLOT_READ, cache);
    yield* request(homeOf(cache), setDead, { cache, dead: false, defect: 'V0-f' }, cache);
    const { work } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-f' }, cache);
    yield* call(cancelWorkSync, cpu, 'system_wq', work, 'V0-f');
    if (reaper !== null) yield* call(reaper.forget, cpu, cache);
    yield* call(destroyCache, cpu, cache, 'V0-f');
  }
  yield* call(mutexUnlock, cpu, 'activate_kmem_mutex');
}

/** for_each_memcg_cache_index (3.14): the children in slots. */
export function* childrenInSlots(cpu: Cpu, root: Handle): Coroutine<Handle[]> {
  return slotsOf(cpu, root).map(({ cache }) => cache);
}

/**
 * kmem_cache_destroy (3.14) of a root by one of its names: its children first, even if the root has other names and stays. Process
 * context.
 */
export function* destroyRootWithChildren(cpu: Cpu, root: Handle, name: string): Coroutine<boolean> {
  const { flushCreations, destroyOfRoot } = childCachesOf(cpu);
  if (flushCreations !== null) yield* call(flushCreations, cpu);
  yield* call(destroyOfRoot, cpu, root);
  return yield* call(destroyCache, cpu, root, 'V0-f', name);
}
