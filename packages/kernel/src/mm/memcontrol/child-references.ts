import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { destroyItem, paramsOf } from './cache-params.js';
import { destroyCache } from './destroy-cache.js';
import { shrinkChild } from './destroy-work.js';
import { listMemcgCaches } from './register-cache.js';
import { childPoint, ITEM_NOT_PENDING } from './release-pages.js';

/*
 * reparent-2014, patch 2: references take the place of the page count and the dead mark. Each page of a child's slabs holds
 * it, and its memcg holds it until the destroy work of its offline has run. Whoever drops the last reference, and nobody else,
 * has the child destroyed.
 */

/** The atomic refcount; answers with what it is then. */
export const countReferences = defineHandler(
  'memcg.countReferences',
  (node, args: { cache: Handle; by: number; defect: Defect }, context): number => {
    const params = paramsOf(node, args.cache, context.step, args.defect);
    params.references += args.by;
    return params.references;
  },
);

/** atomic_dec_and_test of the memcg's own reference; answers with what is left. */
export const dropOfMemcg = defineHandler('memcg.dropReference', (node, args: { cache: Handle }, context): number => {
  const params = paramsOf(node, args.cache, context.step, 'V0-c');
  params.memcgHolds = false;
  params.references--;
  return params.references;
});

const isChild = (cpu: Cpu, cache: Handle): boolean =>
  !cpu.published.caches.isCurrent(cache) || cpu.published.caches.read(cache, CacheField.root) !== 0;

/** memcg_bind_pages: each page of a new slab holds the child. A child that is gone by now was used without a reference (V0-h). */
export function* holdByPages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (isChild(cpu, cache)) {
    yield* request(homeOf(cache), countReferences, { cache, by: 2 ** order, defect: 'V0-h' }, cache);
  }
}

/** memcg_release_pages: the last reference queues the destroy work, which cannot be pending then. Any context. */
export function* releaseByPages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (!isChild(cpu, cache)) return;
  const left = yield* request(homeOf(cache), countReferences, { cache, by: -(2 ** order), defect: 'V0-b' }, cache);
  if (left !== 0) return;
  const { work, pending } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-b' }, cache);
  if (pending) cpu.bug(`the destroy work of cache ${cache.toString(16)} is pending when its last reference is dropped`);
  if (cpu.instrumented) yield* call(childPoint, cpu, ITEM_NOT_PENDING, cache);
  yield* call(queueWork, cpu, 'system_wq', work);
}

/**
 * kmem_cache_destroy_work_func of the patch. With references left it is the one that offline has queued: it shrinks the cache
 * and drops the memcg's. Without, whoever dropped the last one has queued it. Either way the cache goes with the last.
 */
export function* destroyUnreferenced(cpu: Cpu, cache: Handle): Coroutine<void> {
  const references = yield* request(homeOf(cache), countReferences, { cache, by: 0, defect: 'V0-c' }, cache);
  if (references !== 0) {
    yield* call(shrinkChild, cpu, cache);
    if ((yield* request(homeOf(cache), dropOfMemcg, { cache }, cache)) !== 0) return;
  }
  yield* call(destroyCache, cpu, cache, 'V0-c');
}

/** Have a child shrunk, and the memcg's reference dropped, by its destroy work. */
export function* scheduleShrinkAndDrop(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { work } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-f' }, cache);
  yield* call(queueWork, cpu, 'system_wq', work);
}

/** mem_cgroup_destroy_all_caches of the patch. Caller holds cgroup_mutex. */
export function* dropAllCaches(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  for (const cache of yield* request(homeOf(css), listMemcgCaches, { css }, css)) {
    yield* call(scheduleShrinkAndDrop, cpu, cache);
  }
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
}
