import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { KernelConfig } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { rcuBarrier } from '../../rcu/barrier.js';
import { defineHandler } from '../../registry.js';
import { flushWorkqueue } from '../../workqueue/workqueue.js';
import { lockKmemWq, unlockKmemWq } from './wq-lock.js';

export const setDying = defineHandler('cache.setDying', (node, args: { root: Handle }, context): void => {
  node.caches.get(args.root, context.step).dying = true;
});

const readDying = defineHandler(
  'cache.isDying',
  (node, args: { root: Handle }, context): boolean => node.caches.get(args.root, context.step).dying,
);

/** memcg_params.dying of a root cache; read under what guards it: slab_mutex (5.2), memcg_kmem_wq_lock (5.3). */
export function* isDying(root: Handle): Coroutine<boolean> {
  return yield* request(homeOf(root), readDying, { root }, root);
}

/** memcg_create_kmem_cache (5.2): a root that is being destroyed gets no more children. Caller holds slab_mutex. */
export function* refuseIfDying(_cpu: Cpu, root: Handle): Coroutine<boolean> {
  return yield* call(isDying, root);
}

/**
 * flush_memcg_workqueue (5.2), before anything else in kmem_cache_destroy, even before the number of users is looked at
 * (V4-d): no deactivation or creation of this root is scheduled any more; those scheduled are waited for. The callbacks are
 * SLUB's only.
 */
export function flushMemcgWorkqueue({ allocator }: KernelConfig) {
  return function* flush(cpu: Cpu, root: Handle): Coroutine<void> {
    yield* call(mutexLock, cpu, 'slab_mutex');
    yield* request(homeOf(root), setDying, { root }, root);
    yield* call(mutexUnlock, cpu, 'slab_mutex');
    if (allocator === 'slub') yield* call(rcuBarrier, cpu);
    yield* call(flushWorkqueue, cpu, 'memcg_kmem_cache');
  };
}

/**
 * flush_memcg_workqueue (5.3): the flag is guarded by memcg_kmem_wq_lock alone; in the posted form by slab_mutex, too. The works that are flushed may kill
 * references, whose switch the barrier has not waited for (V5p-e).
 */
export function* flushMemcgWorkqueueLocked(cpu: Cpu, root: Handle): Coroutine<void> {
  const alsoMutex = cpu.build.policies.memcg.lifecycle.dyingGuard === 'slab_mutex';
  if (alsoMutex) yield* call(mutexLock, cpu, 'slab_mutex');
  const flags = yield* call(lockKmemWq, cpu, root);
  yield* request(homeOf(root), setDying, { root }, root);
  yield* call(unlockKmemWq, cpu, flags);
  if (alsoMutex) yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(rcuBarrier, cpu);
  yield* call(flushWorkqueue, cpu, 'memcg_kmem_cache');
}
