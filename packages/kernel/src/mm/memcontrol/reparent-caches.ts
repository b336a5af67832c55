import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, VerdictError } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { percpuRefKill } from '../../percpu-ref/percpu-ref.js';
import { CacheField } from '../../published-state.js';
import { callRcu } from '../../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { definePoint } from '../../sched/preemption-point.js';
import { listCachesOf, reparentList, walkSteps } from '../slab-common/cache-list.js';
import { shutdownCaches } from '../slab-common/destroy.js';
import type { CacheWorkName } from '../slab-common/types.js';
import { cacheRefs, storeMemcg, storeWorkFn } from './cache-refs.js';
import { queueCacheWork, underSlabMutex } from './cache-work.js';
import { deactivateSlots } from './deactivate.js';
import { memcgFlushPercpuVmstats } from './lruvec-stats.js';
import { childPoint } from './release-pages.js';
import { isDying } from './root-dying.js';
import { lockKmemWq, unlockKmemWq } from './wq-lock.js';

const readWorkFn = defineHandler(
  'memcg.readWorkFn',
  (node, args: { cache: Handle }, context): CacheWorkName => node.caches.get(args.cache, context.step).workFn,
);

/**
 * kmemcg_cache_deactivate (5.3): the allocator's first half; then, unless the root is being destroyed, the second half and the
 * kill of the cache's own reference are scheduled for after a grace period. Caller holds slab_mutex.
 */
function* kmemcgCacheDeactivate(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { deactivation, lifecycle } = cpu.build.policies.memcg;
  yield* call(deactivation.now, cpu, cache);
  const root = cpu.published.caches.read(cache, CacheField.root);
  if (lifecycle.dyingGuard === 'slab_mutex') {
    yield* call(scheduleDeactivation, cpu, cache, root);
    return;
  }
  const flags = yield* call(lockKmemWq, cpu, root);
  yield* call(scheduleDeactivation, cpu, cache, root);
  yield* call(unlockKmemWq, cpu, flags);
}

function* scheduleDeactivation(cpu: Cpu, cache: Handle, root: Handle): Coroutine<void> {
  if (yield* call(isDying, root)) return;
  yield* call(storeWorkFn, cache, 'kmemcg_cache_deactivate_after_rcu');
  yield* call(callRcu, cpu, 'kmemcg_rcufn', cache);
}

/** kmemcg_rcufn (5.3): softirq; the work item takes the RCU head's place in the cache. */
defineFunction('rcu', 'kmemcg_rcufn', function* kmemcgRcufn(cpu, cache) {
  yield* call(queueCacheWork, cpu, cache, 'kmemcg_workfn');
});

/** kmemcg_workfn (5.3): whatever the cache's item is for by now, under slab_mutex. */
defineFunction('work', 'kmemcg_workfn', function* kmemcgWorkfn(cpu, cache) {
  yield* call(underSlabMutex, cpu, cache, runWorkFn);
});

/** The worker has called work_fn, and is about to clear it (posted). */
export const CALLED_WORK_FN = definePoint('kmemcg_workfn:called');

function* runWorkFn(cpu: Cpu, cache: Handle): Coroutine<void> {
  const fn = yield* request(homeOf(cache), readWorkFn, { cache }, cache);
  cpu.counters.add(fn);
  if (fn === 'none') lostShutdown(cpu, cache);
  if (fn === 'kmemcg_cache_shutdown_fn') yield* call(kmemcgCacheShutdownFn, cpu, cache);
  else yield* call(kmemcgCacheDeactivateAfterRcu, cpu, cache);
  if (!cpu.build.policies.memcg.lifecycle.clearsWorkFn) return;
  if (cpu.instrumented) yield* call(childPoint, cpu, CALLED_WORK_FN, cache);
  yield* call(storeWorkFn, cache, 'none');
}

/** The release has stored the shutdown while the worker was about to clear the function before it (V5p-d). */
function lostShutdown(cpu: Cpu, cache: Handle): never {
  throw new VerdictError({
    class: 'invariant-broken',
    id: 'V5p-d',
    object: `cache ${cache.toString(16)}`,
    steps: [cpu.step()],
    detail: 'the worker calls work_fn, which has been cleared: the shutdown stored by the release is lost',
  });
}

/** kmemcg_cache_deactivate_after_rcu (5.3): the allocator's second half, then the cache's active state ends. */
function* kmemcgCacheDeactivateAfterRcu(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { afterGp } = cpu.build.policies.memcg.deactivation;
  if (afterGp !== null) yield* call(afterGp, cpu, cache);
  yield* call(percpuRefKill, cpu, cacheRefs, cache);
}

/** kmemcg_cache_shutdown_fn (5.3): warns if objects are left; the cache then stays for ever. */
function* kmemcgCacheShutdownFn(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { busy } = yield* call(shutdownCaches, cpu, [cache], 'memcg');
  if (busy.length > 0) cpu.bug(`cache ${cache.toString(16)} without references still has objects`);
}

/**
 * memcg_deactivate_kmem_caches (5.3): in one section under slab_mutex, deactivate the memcg's own caches and hand all caches on
 * its list, also those that it has taken over from its children, to the parent; then its slab statistics are flushed. Nothing is waited for. Caller holds
 * cgroup_mutex.
 */
export function* memcgDeactivateAndReparent(cpu: Cpu, memcg: Handle, id: number, parent: Handle): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* call(deactivateSlots, cpu, memcg, id, kmemcgCacheDeactivate);
  const caches = yield* request(BOOT_NODE, listCachesOf, { memcg });
  yield* call(walkSteps, cpu, caches.length);
  for (const cache of caches) {
    yield* call(storeMemcg, cpu, cache, parent);
    yield* call(cssPut, cpu, memcg);
  }
  if (caches.length > 0) {
    yield* request(BOOT_NODE, reparentList, { memcg, parent });
    yield* call(cssGet, cpu, parent, caches.length);
    cpu.counters.add('memcg_caches_reparented', caches.length);
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  if (cpu.build.policies.memcg.lifecycle.flushesStatistics) yield* call(memcgFlushPercpuVmstats, cpu, memcg, true);
}

/** memcg_free_kmem (5.3): all caches have been handed to the parent; what CPUs counted for the memcg goes to its ancestors. */
export function* memcgFreeWithoutCaches(cpu: Cpu, memcg: Handle): Coroutine<void> {
  const caches = yield* request(BOOT_NODE, listCachesOf, { memcg });
  if (caches.length > 0) cpu.bug(`memcg ${memcg.toString(16)} is freed with ${caches.length} caches on its list`);
  if (cpu.build.policies.memcg.lifecycle.flushesStatistics) yield* call(memcgFlushPercpuVmstats, cpu, memcg, false);
}
