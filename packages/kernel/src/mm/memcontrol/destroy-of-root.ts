import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { definePoint } from '../../sched/preemption-point.js';
import { cancelWorkSync } from '../../workqueue/cancel.js';
import { destroyItem } from './cache-params.js';
import { childCachesOf } from './child-caches.js';
import { countReferences } from './child-references.js';
import { destroyCache } from './destroy-cache.js';
import { childPoint } from './release-pages.js';
import { isDying, setDying } from './root-dying.js';

/*
 * reparent-2014, patch 3: the destruction of a root and the destroy works of its children. The root's count of names is 0 from
 * the beginning (here the mark that it is being destroyed), and a destroy work that sees that leaves its cache alone.
 */

/** The child's destroy work was called off or has ended; the child is about to be held against a new one. */
export const WORK_CANCELLED = definePoint('kmem_cache_destroy_memcg_children:work-cancelled');

/** A destroy work asks whether the root is being destroyed. Caller holds slab_mutex. */
export function* rootIsDying(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  return yield* call(isDying, cpu.published.caches.read(cache, CacheField.root));
}

/**
 * kmem_cache_destroy_memcg_children of the patch: mark the root; then for each child: unregister it under slab_mutex, call its
 * destroy work off or wait for it, raise its reference count, so that no page of it queues the work again, and destroy it.
 */
export function* destroyChildrenGuarded(cpu: Cpu, root: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'activate_kmem_mutex');
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* request(homeOf(root), setDying, { root }, root);
  const { unregister } = childCachesOf(cpu);
  const children = yield* call(cpu.build.policies.memcg.childrenOf, cpu, root);
  for (const cache of children) yield* call(unregister, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  for (const cache of children) {
    const { work } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-f' }, cache);
    yield* call(cancelWorkSync, cpu, 'system_wq', work, 'V0-f');
    if (cpu.instrumented) yield* call(childPoint, cpu, WORK_CANCELLED, cache);
    yield* request(homeOf(cache), countReferences, { cache, by: 1, defect: 'V0-f' }, cache);
    yield* call(destroyCache, cpu, cache, 'V0-f');
  }
  yield* call(mutexUnlock, cpu, 'activate_kmem_mutex');
}
