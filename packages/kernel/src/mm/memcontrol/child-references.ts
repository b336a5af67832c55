import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { defineHandler } from '../../registry.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { destroyItem, paramsOf } from './cache-params.js';
import { isRootCache } from './child-caches.js';
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

/** memcg_bind_pages: each page of a new slab holds the child. A child that is gone by now was used without a reference (V0-h). */
export function* holdByPages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (isRootCache(cpu, cache)) return;
  yield* request(homeOf(cache), countReferences, { cache, by: 2 ** order, defect: 'V0-h' }, cache);
}

/** memcg_release_pages. Any context. */
export function* releaseByPages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (!isRootCache(cpu, cache)) yield* call(dropReferences, cpu, cache, 2 ** order);
}

/** Drop references of a child: with the last one the destroy work is queued, which cannot be pending then. Any context. */
export function* dropReferences(cpu: Cpu, cache: Handle, by: number): Coroutine<void> {
  const left = yield* request(homeOf(cache), countReferences, { cache, by: -by, defect: 'V0-b' }, cache);
  if (left !== 0) return;
  const { work, pending } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-b' }, cache);
  if (pending) cpu.bug(`the destroy work of cache ${cache.toString(16)} is pending when its last reference is dropped`);
  if (cpu.instrumented) yield* call(childPoint, cpu, ITEM_NOT_PENDING, cache);
  yield* call(queueWork, cpu, 'system_wq', work);
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
