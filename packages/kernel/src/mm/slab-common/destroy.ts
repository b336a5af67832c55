import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { SlabFlag } from '../slab/types.js';
import { listChildren, removeFromList } from './cache-list.js';
import { describeCache, freeCache } from './create.js';
import { dropAlias } from './merge.js';
import { setSlot, slotsOf } from './slots.js';
import type { Destruction } from './types.js';

/** What the cache's own list heads link it to: its root and its memcg. */
const linkedTo = defineHandler(
  'cache.linkedTo',
  (node, args: { cache: Handle }, context): { root: Handle; memcg: Handle } => {
    const { root, memcg } = node.caches.get(args.cache, context.step);
    return { root, memcg };
  },
);

/** Off slab_caches and (memcg_unlink_cache) off the lists of its root and its memcg. Caller holds slab_mutex. */
export function* unlinkCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { root, memcg } = yield* request(homeOf(cache), linkedTo, { cache }, cache);
  yield* request(BOOT_NODE, removeFromList, { cache, root });
  const { links } = cpu.build.policies.memcg;
  if (root !== 0 && links !== null) yield* call(links.unlink, cpu, cache, memcg);
}

/**
 * shutdown_cache, and the unlinking that belongs to it: empty the cache, take it off all lists and dispose of it, in the
 * version's order. Caller holds slab_mutex.
 */
export function* shutdownCache(cpu: Cpu, cache: Handle, of: Destruction): Coroutine<'busy' | 'left' | 'disposed'> {
  if (!(yield* call(cpu.build.allocator.shutdown, cpu, cache))) return 'busy';
  const { dispose, unlinks } = cpu.build.policies.slab;
  if (unlinks === 'inShutdown') yield* call(unlinkCache, cpu, cache);
  const disposed = yield* call(dispose, cpu, cache, of);
  if (unlinks === 'afterShutdown') yield* call(unlinkCache, cpu, cache);
  return disposed ? 'disposed' : 'left';
}

/**
 * Shut caches down, one after the other, under slab_mutex; each that is empty is disposed of as the version does. Answers with
 * those that still have objects, and with those that the caller releases once it has dropped slab_mutex.
 */
export function* shutdownCaches(
  cpu: Cpu,
  caches: readonly Handle[],
  of: Destruction,
): Coroutine<{ busy: Handle[]; left: Handle[] }> {
  const busy: Handle[] = [];
  const left: Handle[] = [];
  for (const cache of caches) {
    const state = yield* call(shutdownCache, cpu, cache, of);
    if (state === 'busy') busy.push(cache);
    else if (state === 'left') left.push(cache);
  }
  return { busy, left };
}

/** SLAB_DESTROY_BY_RCU, SLAB_TYPESAFE_BY_RCU since 4.12. */
export const isRcuTyped = (cpu: Cpu, cache: Handle): boolean =>
  (cpu.published.caches.read(cache, CacheField.flags) & SlabFlag.destroyByRcu) !== 0;

/** 4.10: whoever shut the cache down releases it (releaseCaches). */
// biome-ignore lint/correctness/useYield: later versions do something here
export function* leaveToCaller(): Coroutine<boolean> {
  return false;
}

/**
 * release_caches (4.10): one rcu_barrier if any of the caches is RCU-typed, then release each: arrays, node lists,
 * descriptor. No lock is held.
 */
export function* releaseCaches(cpu: Cpu, caches: readonly Handle[], of: Destruction): Coroutine<void> {
  if (caches.some((cache) => isRcuTyped(cpu, cache))) {
    yield* call(cpu.build.policies.slab.barrierBeforeRelease, cpu, of);
  }
  for (const cache of caches) yield* call(slabKmemCacheRelease, cpu, cache);
}

/** slab_kmem_cache_release: __kmem_cache_release, then the descriptor; or whoever else still refers to the cache does it. */
export function* slabKmemCacheRelease(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { beforeRelease } = cpu.build.allocator;
  if (beforeRelease !== null && !(yield* call(beforeRelease, cpu, cache))) return;
  const record = yield* request(homeOf(cache), describeCache, { cache }, cache);
  cpu.trace(Trace.cacheRelease, cache, 0, 0, 0);
  yield* call(cpu.build.allocator.release, cpu, cache);
  const { links } = cpu.build.policies.memcg;
  if (record.root !== 0 && links !== null) yield* call(links.exit, cpu, cache);
  yield* call(freeCache, cpu, cache, record);
  cpu.counters.add('caches_destroyed');
}

/**
 * shutdown_memcg_caches (4.10): first the children that are in slots, whose slots are cleared, then those of offline memcgs.
 * Caller holds slab_mutex. `busy` are those with objects; they stay.
 */
function* shutdownMemcgCaches(cpu: Cpu, root: Handle): Coroutine<{ busy: Handle[]; left: Handle[] }> {
  const slots = slotsOf(cpu, root);
  const inSlots = new Set(slots.map(({ cache }) => cache));
  const busy: Handle[] = [];
  const left: Handle[] = [];
  for (const { id, cache } of slots) {
    const online = yield* call(shutdownCaches, cpu, [cache], 'root');
    if (online.busy.length === 0) yield* call(setSlot, cpu, root, id, 0);
    busy.push(...online.busy);
    left.push(...online.left);
  }
  const children = yield* request(BOOT_NODE, listChildren, { root });
  const offline = yield* call(
    shutdownCaches,
    cpu,
    children.filter((cache) => !inSlots.has(cache)),
    'root',
  );
  return { busy: [...busy, ...offline.busy], left: [...left, ...offline.left] };
}

/**
 * kmem_cache_destroy (4.10) of a root cache by one of its names: unless it has others, its memcg caches go first, then it. Evaluates
 * to false if it stays, because of another name or of objects left in any of them; those that were empty are gone all the
 * same. Process context.
 */
export function* kmemCacheDestroy(cpu: Cpu, cache: Handle, name: string): Coroutine<boolean> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const { busy, left } = (yield* call(dropAlias, cpu, cache, name))
    ? { busy: [cache], left: [] }
    : yield* call(shutdownRootAndChildren, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  yield* call(releaseCaches, cpu, left, 'root');
  return busy.length === 0;
}

/** The children, then the root unless objects are left in any of them. Caller holds slab_mutex. */
function* shutdownRootAndChildren(cpu: Cpu, root: Handle): Coroutine<{ busy: Handle[]; left: Handle[] }> {
  const children = yield* call(shutdownMemcgCaches, cpu, root);
  if (children.busy.length > 0) return children;
  const { busy, left } = yield* call(shutdownCaches, cpu, [root], 'root');
  return { busy, left: [...children.left, ...left] };
}
