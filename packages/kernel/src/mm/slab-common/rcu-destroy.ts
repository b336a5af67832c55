import { BOOT_NODE, type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { isRcuTyped, slabKmemCacheRelease } from './destroy.js';
import type { Destruction } from './types.js';

/** A cache on the list, with what its destruction belongs to. */
interface Doomed {
  readonly cache: Handle;
  readonly of: Destruction;
}

/** slab_caches_to_rcu_destroy with its work item: statics of the boot node, the list guarded by slab_mutex. */
export class RcuDestroyList {
  caches: Doomed[] = [];
  /** The static work item; 0 until it is first needed. */
  work: Handle = 0;
}

const WORK = 'slab_caches_to_rcu_destroy_workfn';

/** list_add_tail; answers with the work item. */
const appendDoomed = defineHandler('slab.appendDoomed', (node, args: Doomed): Handle => {
  const list = node.rcuDestroy;
  list.caches.push(args);
  if (list.work === 0) {
    list.work = node.works.allocate({ fn: WORK, data: 0, once: false, pending: false, lastCpu: -1 });
  }
  return list.work;
});

const spliceDoomed = defineHandler('slab.spliceDoomed', (node, _args: null): Doomed[] => {
  const { caches } = node.rcuDestroy;
  node.rcuDestroy.caches = [];
  return caches;
});

/**
 * The end of shutdown_cache (4.12): the cache's directory is unlinked (5.2). An RCU-typed cache goes to the tail of the global list and the barrier item is scheduled,
 * which does nothing if it is pending; any other cache is released here. Caller holds slab_mutex, and has nothing left to do.
 */
export function* releaseOrDefer(cpu: Cpu, cache: Handle, of: Destruction): Coroutine<boolean> {
  yield* call(cpu.build.allocator.unlink, cpu, cache);
  if (isRcuTyped(cpu, cache)) {
    const work = yield* request(BOOT_NODE, appendDoomed, { cache, of });
    yield* call(queueWork, cpu, 'system_wq', work);
  } else yield* call(slabKmemCacheRelease, cpu, cache);
  return true;
}

/**
 * slab_caches_to_rcu_destroy_workfn (4.12): one rcu_barrier for all caches that are on the list by now. The item is not
 * reentrant, so those that come while the barrier runs are the next batch.
 */
defineFunction('work', WORK, function* slabCachesToRcuDestroyWorkfn(cpu) {
  yield* call(mutexLock, cpu, 'slab_mutex');
  const batch = yield* request(BOOT_NODE, spliceDoomed, null);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  if (batch.length === 0) return;
  const of = batch.some((doomed) => doomed.of === 'root') ? 'root' : 'memcg';
  yield* call(cpu.build.policies.slab.barrierBeforeRelease, cpu, of);
  for (const { cache } of batch) yield* call(slabKmemCacheRelease, cpu, cache);
});
