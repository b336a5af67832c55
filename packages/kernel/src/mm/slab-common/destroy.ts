import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { Trace } from '../../tracepoints.js';
import { SlabFlag } from '../slab/types.js';
import { removeFromList } from './cache-list.js';
import { describeCache, freeCache } from './create.js';

/**
 * shutdown_cache (4.10): empty the cache and take it off slab_caches. Caller holds slab_mutex. Evaluates to false if
 * objects are left; the cache then stays.
 */
export function* shutdownCache(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  if (!(yield* call(cpu.build.allocator.shutdown, cpu, cache))) return false;
  const root = cpu.published.caches.read(cache, CacheField.root);
  const memcg = cpu.published.caches.read(cache, CacheField.memcg);
  yield* request(BOOT_NODE, removeFromList, { cache, root, memcg });
  return true;
}

/**
 * release_caches (4.10): one rcu_barrier if any of the caches is RCU-typed, then release each: arrays, node lists,
 * descriptor. No lock is held.
 */
export function* releaseCaches(cpu: Cpu, caches: readonly Handle[]): Coroutine<void> {
  const typesafe = caches.some(
    (cache) => (cpu.published.caches.read(cache, CacheField.flags) & SlabFlag.destroyByRcu) !== 0,
  );
  if (typesafe) yield* call(cpu.build.policies.slab.barrierBeforeRelease, cpu);
  for (const cache of caches) yield* call(slabKmemCacheRelease, cpu, cache);
}

/** slab_kmem_cache_release: __kmem_cache_release, then the descriptor; or whoever else still refers to the cache does it. */
export function* slabKmemCacheRelease(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (!(yield* call(cpu.build.allocator.beforeRelease, cpu, cache))) return;
  const record = yield* request(homeOf(cache), describeCache, { cache }, cache);
  cpu.trace(Trace.cacheRelease, cache, 0, 0, 0);
  yield* call(cpu.build.allocator.release, cpu, cache);
  yield* call(freeCache, cpu, cache, record);
  cpu.counters.add('caches_destroyed');
}

/** kmem_cache_destroy (4.10) of a root cache without children. Evaluates to false if objects are left. Process context. */
export function* kmemCacheDestroy(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const empty = yield* call(shutdownCache, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  if (empty) yield* call(releaseCaches, cpu, [cache]);
  return empty;
}
