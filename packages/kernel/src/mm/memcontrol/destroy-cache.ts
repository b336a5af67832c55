import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { type Defect, orDefect } from '../../defect.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { addToList, removeFromList } from '../slab-common/cache-list.js';
import { describeCache, freeCache } from '../slab-common/create.js';
import { isRcuTyped } from '../slab-common/destroy.js';
import { dropAlias } from '../slab-common/merge.js';
import type { Destruction } from '../slab-common/types.js';
import { freeParams } from './cache-params.js';
import { childCachesOf } from './child-caches.js';

/** refcount−−: whoever comes second finds the descriptor freed. */
const dropReference = defineHandler(
  'cache.dropReference',
  (node, args: { cache: Handle; defect: Defect }, context): void => {
    orDefect(args.defect, () => node.caches.get(args.cache, context.step), 'double-destroy');
  },
);

/**
 * kmem_cache_destroy (3.14) of one cache: under slab_mutex off the list and shut down, its arrays and node structures too; a
 * child is unregistered. Then, with slab_mutex dropped, one rcu_barrier if the cache is RCU-typed, and the descriptor goes.
 * Evaluates to false if objects are left, or other names: the cache stays. Process context.
 * @param defect what it is if somebody else has destroyed the cache meanwhile
 * @param name that of a root; '' for a child, which has no others
 */
export function* destroyCache(cpu: Cpu, cache: Handle, defect: Defect, name = ''): Coroutine<boolean> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* request(homeOf(cache), dropReference, { cache, defect }, cache);
  const of = defect === 'V0-f' ? 'root' : 'memcg';
  const kept = name !== '' && (yield* call(dropAlias, cpu, cache, name));
  const empty = !kept && (yield* call(shutdownLocked, cpu, cache, of));
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  if (empty) yield* call(freeAfterBarrier, cpu, cache, of);
  yield* call(putOnlineCpusMems, cpu);
  return empty;
}

/** Shut a cache down and take it off the lists. Caller holds slab_mutex. Evaluates to false if it stays. */
function* shutdownLocked(cpu: Cpu, cache: Handle, of: Destruction): Coroutine<boolean> {
  const { caches } = cpu.published;
  const [root, memcg] = [caches.read(cache, CacheField.root), caches.read(cache, CacheField.memcg)];
  const isChild = root !== 0;
  const { unregistersFirst, unregister, backsOff } = childCachesOf(cpu);
  if (isChild && of === 'memcg' && backsOff !== null && (yield* call(backsOff, cpu, cache))) return false;
  yield* request(BOOT_NODE, removeFromList, { cache, root });
  if (isChild && unregistersFirst && of === 'memcg') yield* call(unregister, cpu, cache);
  const empty = yield* call(cpu.build.allocator.shutdown, cpu, cache);
  if (empty) yield* call(cpu.build.allocator.release, cpu, cache);
  else yield* request(BOOT_NODE, addToList, { cache, root, memcg });
  if (isChild && !unregistersFirst && empty) yield* call(unregister, cpu, cache);
  return empty;
}

function* freeAfterBarrier(cpu: Cpu, cache: Handle, of: Destruction): Coroutine<void> {
  const root = cpu.published.caches.read(cache, CacheField.root);
  if (isRcuTyped(cpu, cache)) yield* call(cpu.build.policies.slab.barrierBeforeRelease, cpu, of);
  cpu.trace(Trace.cacheRelease, cache, 0, 0, 0);
  if (root !== 0) yield* request(homeOf(cache), freeParams, { cache }, cache);
  yield* call(freeCache, cpu, cache, yield* request(homeOf(cache), describeCache, { cache }, cache));
  cpu.counters.add('caches_destroyed');
}
