import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { setSlot } from '../slab-common/slots.js';
import type { EachCache } from './memcg-cache-lists.js';

/** Visit the caches in the memcg's slots, and clear each slot after the visit. Caller holds slab_mutex. */
export function* deactivateSlots(cpu: Cpu, memcg: Handle, id: number, each: EachCache): Coroutine<void> {
  yield* call(cpu.build.policies.memcg.cacheLists.active, cpu, memcg, id, function* visit(_cpu, cache) {
    yield* call(each, cpu, cache);
    yield* call(setSlot, cpu, cpu.published.caches.read(cache, CacheField.root), id, 0);
  });
}

/**
 * memcg_deactivate_kmem_caches where one section under slab_mutex is enough: every version with SLAB, and with SLUB all but
 * 4.10. Caller holds cgroup_mutex.
 */
export function memcgDeactivateKmemCaches(each: EachCache) {
  return function* deactivate(cpu: Cpu, memcg: Handle, id: number): Coroutine<void> {
    yield* call(getOnlineCpusMems, cpu);
    yield* call(mutexLock, cpu, 'slab_mutex');
    yield* call(deactivateSlots, cpu, memcg, id, each);
    yield* call(mutexUnlock, cpu, 'slab_mutex');
    yield* call(putOnlineCpusMems, cpu);
  };
}

/**
 * memcg_deactivate_kmem_caches (4.10, SLUB): no cache of the memcg keeps empty slabs any more; one synchronize_sched for all
 * of them, without slab_mutex, until every CPU knows; then shrink. Caller holds cgroup_mutex.
 */
export function* memcgDeactivateInTwoPasses(cpu: Cpu, memcg: Handle, id: number): Coroutine<void> {
  const { cacheLists } = cpu.build.policies.memcg;
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* call(cacheLists.active, cpu, memcg, id, zeroRetention);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(cpu.build.policies.slub.afterZeroRetention, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* call(deactivateSlots, cpu, memcg, id, secondHalf);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
}

/**
 * __kmem_cache_shrink of a cache that is deactivated (4.0 to 4.9): with SLUB each cache waits by itself until every CPU knows
 * that it keeps no empty slabs. Caller holds cgroup_mutex and slab_mutex.
 */
export function* kmemCacheShrinkDeactivate(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(zeroRetention, cpu, cache);
  if (cpu.build.policies.memcg.deactivation.afterGp === null) return;
  yield* call(cpu.build.policies.slub.afterZeroRetention, cpu);
  yield* call(secondHalf, cpu, cache);
}

function* zeroRetention(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(cpu.build.policies.memcg.deactivation.now, cpu, cache);
}

function* secondHalf(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { afterGp } = cpu.build.policies.memcg.deactivation;
  if (afterGp !== null) yield* call(afterGp, cpu, cache);
}
