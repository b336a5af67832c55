import { BOOT_NODE, type Coroutine, call, type Handle, request, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { walkForMemcg } from '../slab-common/cache-list.js';
import { kmemCacheShrink } from '../slab-common/shrink.js';
import { setSlot } from '../slab-common/slots.js';
import { slubZeroRetention } from '../slub/deactivate.js';

/** The memcg's caches; costs a step per cache in the system. Caller holds slab_mutex. */
export function* cachesOf(cpu: Cpu, memcg: Handle): Coroutine<Handle[]> {
  const { caches, total } = yield* request(BOOT_NODE, walkForMemcg, { memcg });
  yield* work(total * cpu.costs['list.step']);
  return caches;
}

/** Shrink every cache of the memcg and clear its slot, under slab_mutex. */
function* shrinkCaches(cpu: Cpu, memcg: Handle, id: number): Coroutine<void> {
  yield* call(mutexLock, cpu, 'slab_mutex');
  for (const cache of yield* call(cachesOf, cpu, memcg)) {
    yield* call(kmemCacheShrink, cpu, cache);
    yield* call(setSlot, cpu, cpu.published.caches.read(cache, CacheField.root), id, 0);
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}

/** memcg_deactivate_kmem_caches (4.10, SLAB). Caller holds cgroup_mutex. */
export function* memcgDeactivateKmemCaches(cpu: Cpu, memcg: Handle, id: number): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(shrinkCaches, cpu, memcg, id);
  yield* call(putOnlineCpusMems, cpu);
}

/**
 * memcg_deactivate_kmem_caches (4.10, SLUB): no cache of the memcg keeps empty slabs any more; one synchronize_sched for all
 * of them, without slab_mutex, until every CPU knows; then shrink. Caller holds cgroup_mutex.
 */
export function* memcgDeactivateSlubCaches(cpu: Cpu, memcg: Handle, id: number): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  for (const cache of yield* call(cachesOf, cpu, memcg)) yield* call(slubZeroRetention, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(cpu.build.policies.slub.afterZeroRetention, cpu);
  yield* call(shrinkCaches, cpu, memcg, id);
  yield* call(putOnlineCpusMems, cpu);
}
