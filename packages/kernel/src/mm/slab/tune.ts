import { type Coroutine, call, type Handle, homeOf, request, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { KernelNode } from '../../node.js';
import { ArraySetField, CacheField } from '../../published-state.js';
import { synchronizeSched } from '../../rcu/synchronize.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { onEachCpu } from '../../smp/call-function.js';
import { Trace } from '../../tracepoints.js';
import { slabsDestroy } from './free.js';
import { freeOldArray, setupNode } from './node-handlers.js';
import type { ArraySwap, Tunables } from './types.js';

const allocateSet = defineHandler(
  'slab.allocateSet',
  (node, args: { cache: Handle }): Handle => node.arraySets.allocate({ cache: args.cache }),
);

interface NewSet {
  readonly cache: Handle;
  readonly set: Handle;
  readonly tunables: Tunables;
}

function makeReadable({ published }: KernelNode, { cache, set, tunables }: NewSet): void {
  published.arraySets.publish(set);
  published.arraySets.write(set, ArraySetField.limit, tunables.limit);
  published.arraySets.write(set, ArraySetField.batchcount, tunables.batchcount);
  published.arraySets.write(set, ArraySetField.cache, cache);
}

/** The cpu_cache pointer of a cache points to a new set of arrays. */
const publishSet = defineHandler('slab.publishSet', (node, args: NewSet): void => {
  makeReadable(node, args);
  node.published.caches.write(args.cache, CacheField.cpuCache, args.set);
});

/** A new set of arrays exists; no pointer leads to it yet. */
export const describeSet = defineHandler('slab.describeSet', makeReadable);

export const setCpuCache = defineHandler('slab.setCpuCache', (node, args: { cache: Handle; set: Handle }): void => {
  node.published.caches.write(args.cache, CacheField.cpuCache, args.set);
});

const setTunables = defineHandler('slab.setTunables', (node, args: { cache: Handle; tunables: Tunables }): void => {
  const { caches } = node.published;
  caches.write(args.cache, CacheField.limit, args.tunables.limit);
  caches.write(args.cache, CacheField.batchcount, args.tunables.batchcount);
  caches.write(args.cache, CacheField.shared, args.tunables.shared);
});

/** free_percpu of an array set, as each node sees it. */
const withdrawSet = defineHandler('slab.withdrawSet', (node, args: { set: Handle }, context): void => {
  // A CPU that still uses the set sees it go at once: the step is noted first, so that it is the earlier one.
  node.noteFreedSet(args.set, context.step());
  node.published.arraySets.withdraw(args.set);
  for (const words of node.allWords()) words.arrays.delete(args.set);
});

const releaseSet = defineHandler('slab.releaseSet', (node, args: { set: Handle }, context): void => {
  node.arraySets.release(args.set, context.step());
});

/** free_percpu of the arrays of all CPUs. */
export function* freeArraySet(cpu: Cpu, set: Handle): Coroutine<void> {
  cpu.trace(Trace.arrayRelease, set, 0, 0, 0);
  yield* requestAll(cpu.allNodes, withdrawSet, { set });
  yield* request(homeOf(set), releaseSet, { set }, set);
}

/** One store of the cache's cpu_cache pointer (4.10), then whatever the kernel does so that nobody uses the old set. */
export function* publishArrays(cpu: Cpu, { cache, set, previous, tunables }: ArraySwap): Coroutine<void> {
  yield* requestAll(cpu.allNodes, publishSet, { cache, set, tunables });
  cpu.trace(Trace.arrayPublish, cache, set, previous, 0);
  yield* call(cpu.build.policies.slab.afterPublish, cpu, previous);
}

/** do_ccupdate_local (3.14): this CPU's pointer leads to its array of the new set. With interrupts off. */
// biome-ignore lint/correctness/useYield: the pointer is this CPU's own
export const DO_CCUPDATE_LOCAL = defineFunction('csd', 'do_ccupdate_local', function* doCcupdateLocal(cpu, set) {
  cpu.swapped = { cache: cpu.published.arraySets.read(set, ArraySetField.cache), set };
});

/**
 * The array pointers of 3.14, one for each CPU, are swapped by each CPU itself: one waiting all-CPU call, also for a new
 * cache. Once all have answered, the published pointer stands for all of them again. Nothing more is needed, but a patch may do more.
 */
export function* swapOnEachCpu(cpu: Cpu, { cache, set, previous, tunables }: ArraySwap): Coroutine<void> {
  yield* requestAll(cpu.allNodes, describeSet, { cache, set, tunables });
  cpu.trace(Trace.arrayPublish, cache, set, previous, 1);
  cpu.trace(Trace.kick, 0, 0, 0, 0);
  yield* call(onEachCpu, cpu, DO_CCUPDATE_LOCAL, set, true);
  cpu.trace(Trace.kick, 1, 0, 0, 0);
  yield* requestAll(cpu.allNodes, setCpuCache, { cache, set });
  yield* call(cpu.build.policies.slab.afterPublish, cpu, previous);
}

/**
 * do_tune_cpucache (3.14), __do_tune_cpucache (4.10): bring a new set of per-CPU arrays into use as the version does, free
 * the old one, and give every node its new limits and shared array. A replaced shared array costs 4.10 one
 * synchronize_sched per node. Caller holds slab_mutex.
 */
export function* doTuneCpucache(cpu: Cpu, cache: Handle, tunables: Tunables): Coroutine<void> {
  cpu.counters.add('do_tune_cpucache');
  cpu.trace(Trace.tune, cache, 0, 0, 0);
  yield* work(cpu.costs['percpu.alloc']);
  const set = yield* request(homeOf(cache), allocateSet, { cache }, cache);
  const previous = cpu.published.caches.read(cache, CacheField.cpuCache);
  yield* call(cpu.build.policies.slab.swapArrays, cpu, { cache, set, previous, tunables });
  yield* requestAll(cpu.allNodes, setTunables, { cache, tunables });
  if (previous !== 0) yield* call(freeOldArrays, cpu, cache, previous);
  yield* call(setupKmemCacheNodes, cpu, cache, tunables);
  cpu.trace(Trace.tune, cache, 1, 0, 0);
}

/** Free the objects in every online CPU's old array under list_lock, then the arrays. */
function* freeOldArrays(cpu: Cpu, cache: Handle, set: Handle): Coroutine<void> {
  for (const target of cpu.published.onlineCpus()) {
    const detached = yield* request(cpu.nodeOf(target), freeOldArray, { cache, set, cpu: target }, cache);
    yield* call(slabsDestroy, cpu, cache, detached);
  }
  yield* call(freeArraySet, cpu, set);
}

/** setup_kmem_cache_nodes: every node in turn; where a shared array was replaced, 4.10 waits for a grace period. */
function* setupKmemCacheNodes(cpu: Cpu, cache: Handle, tunables: Tunables): Coroutine<void> {
  const num = cpu.published.caches.read(cache, CacheField.num);
  const { trims, waitsForShared } = cpu.build.policies.slab;
  for (const node of cpu.allNodes) {
    const args = { cache, num, tunables, trims, jiffies: cpu.jiffies, hz: cpu.build.hz };
    const { detached, replaced } = yield* request(node, setupNode, args, cache);
    yield* call(slabsDestroy, cpu, cache, detached);
    if (replaced && waitsForShared) yield* call(synchronizeSched, cpu);
  }
}

/** The limits by object size (enable_cpucache, 4.10). @param size bytes of one object after alignment */
export function defaultTunables(size: number, possibleCpus: number): Tunables {
  const limit = size > 131072 ? 1 : size > 4096 ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;
  return { limit, batchcount: Math.floor((limit + 1) / 2), shared: size <= 4096 && possibleCpus > 1 ? 8 : 0 };
}

/** enable_cpucache: a memcg cache takes its root's tunables if all are non-zero, any other cache those for its size. */
export function* enableCpucache(cpu: Cpu, cache: Handle): Coroutine<void> {
  const { caches } = cpu.published;
  const root = caches.read(cache, CacheField.root);
  const inherited: Tunables = {
    limit: caches.read(root, CacheField.limit),
    batchcount: caches.read(root, CacheField.batchcount),
    shared: caches.read(root, CacheField.shared),
  };
  const inherits = root !== 0 && inherited.limit > 0 && inherited.batchcount > 0 && inherited.shared > 0;
  const tunables = inherits
    ? inherited
    : defaultTunables(caches.read(cache, CacheField.objectSize), cpu.topology.cpuCount);
  yield* call(doTuneCpucache, cpu, cache, tunables);
}

/** Arrays of one entry and no shared arrays: what a cache gets while the slab allocator is being set up. No kick. */
function* setupBootCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  const tunables = { limit: 1, batchcount: 1, shared: 0 };
  const set = yield* request(homeOf(cache), allocateSet, { cache }, cache);
  yield* requestAll(cpu.allNodes, publishSet, { cache, set, tunables });
  yield* requestAll(cpu.allNodes, setTunables, { cache, tunables });
  yield* call(setupKmemCacheNodes, cpu, cache, tunables);
}

/** setup_cpu_cache (4.10). */
export function* setupCpuCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(cpu.published.slabFull ? enableCpucache : setupBootCache, cpu, cache);
}
