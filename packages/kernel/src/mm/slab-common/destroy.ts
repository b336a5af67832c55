import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { SlabFlag } from '../slab/types.js';
import { removeFromList } from './cache-list.js';
import { describeCache } from './create.js';
import { kmemCacheFree } from './free.js';

const withdrawCache = defineHandler(
  'cache.withdraw',
  (node, args: { cache: Handle; root: boolean; name: string }): void => {
    node.published.memcgArrays.drop(node.published.caches.read(args.cache, CacheField.memcgCaches));
    node.published.caches.withdraw(args.cache);
    if (args.root) node.published.roots.set(args.name, 0);
  },
);

const releaseRecord = defineHandler('cache.release', (node, args: { cache: Handle }, context): void => {
  node.caches.release(args.cache, context.step());
});

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

/** slab_kmem_cache_release: __kmem_cache_release, then the descriptor. */
function* slabKmemCacheRelease(cpu: Cpu, cache: Handle): Coroutine<void> {
  cpu.trace(Trace.cacheRelease, cache, 0, 0, 0);
  yield* call(cpu.build.allocator.release, cpu, cache);
  yield* call(freeDescriptor, cpu, cache);
}

/** The name and the descriptor go; nobody can find the cache any more. */
export function* freeDescriptor(cpu: Cpu, cache: Handle): Coroutine<void> {
  const record = yield* request(homeOf(cache), describeCache, { cache }, cache);
  yield* requestAll(cpu.allNodes, withdrawCache, { cache, root: record.root === 0, name: record.name });
  yield* request(homeOf(cache), releaseRecord, { cache }, cache);
  cpu.counters.add('caches_destroyed');
  const descriptors = cpu.published.roots.get('kmem_cache');
  if (record.descriptor !== 0) {
    yield* call(kmemCacheFree, cpu, descriptors, record.descriptor);
  }
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
