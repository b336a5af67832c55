import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import type { KernelNode } from '../../node.js';
import { PercpuRef } from '../../percpu-ref/percpu-ref.js';
import { CacheField, Scalar } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { directReclaim } from '../direct-reclaim.js';
import { slabAllocFrom } from './alloc.js';
import { addToList } from './cache-list.js';
import { kmemCacheFree } from './free.js';
import { kmemCacheAlias } from './merge.js';
import type { CacheDescription, CacheSpec } from './types.js';

const allocateCache = defineHandler(
  'cache.allocate',
  (node, cache: CacheDescription): Handle =>
    node.caches.allocate({ ...cache, dying: false, ref: new PercpuRef(), work: 0, workFn: 'none' }),
);

/** What every CPU may read about a new cache; nobody can reach it yet. */
const publishCache = defineHandler('cache.publish', (node, args: { cache: Handle; record: CacheDescription }): void => {
  const { caches, roots } = node.published;
  const { record } = args;
  caches.publish(args.cache);
  if (record.root !== 0) node.percpuRefs.cache.publish(args.cache);
  caches.write(args.cache, CacheField.root, record.root);
  caches.write(args.cache, CacheField.memcg, record.memcg);
  caches.write(args.cache, CacheField.num, record.geometry.num);
  caches.write(args.cache, CacheField.order, record.geometry.order);
  caches.write(args.cache, CacheField.flags, record.flags);
  caches.write(args.cache, CacheField.objectSize, record.geometry.size);
  if (record.root === 0) roots.set(record.name, args.cache);
});

/** The cache's name, sizes and flags. */
export const describeCache = defineHandler(
  'cache.describe',
  (node, args: { cache: Handle }, context): CacheDescription => {
    const { name, objectSize, flags, geometry, root, memcg, descriptor } = node.caches.get(args.cache, context.step);
    return { name, objectSize, flags, geometry, root, memcg, descriptor };
  },
);

/**
 * create_cache (mm/slab_common.c 4.10): descriptor, geometry, per-CPU arrays, per-node lists. Caller holds slab_mutex and
 * the hotplug locks. The cache is on slab_caches, but in no memcg_caches slot yet. Evaluates to 0 if the allocator cannot make it.
 */
export function* createCache(cpu: Cpu, spec: CacheSpec, root: Handle, memcg: Handle): Coroutine<Handle> {
  if (cpu.published.scalar(Scalar.reclaimUs) > 0) yield* call(directReclaim, cpu);
  yield* work(cpu.costs['slab.create']);
  const descriptors = cpu.published.roots.get('kmem_cache');
  const descriptor = descriptors === 0 ? 0 : yield* call(slabAllocFrom, cpu, descriptors);
  const geometry = cpu.build.allocator.geometry(spec.objectSize, spec.flags, cpu.topology.cpuCount);
  const record: CacheDescription = { ...spec, geometry, root, memcg, descriptor };
  const cache = yield* request(cpu.node, allocateCache, record);
  yield* requestAll(cpu.allNodes, publishCache, { cache, record });
  if (!(yield* call(cpu.build.allocator.setup, cpu, cache))) {
    yield* call(freeCache, cpu, cache, record);
    return 0;
  }
  yield* request(BOOT_NODE, addToList, { cache, root, memcg });
  const { links } = cpu.build.policies.memcg;
  if (memcg !== 0 && links !== null) yield* call(links.link, cpu, memcg);
  cpu.counters.add('caches_created');
  cpu.trace(Trace.cacheCreate, cache, root, 0, 0);
  return cache;
}

/** A name leads to this root cache no longer, unless it leads to another by now. */
const forgetName = (node: KernelNode, name: string, cache: Handle): void => {
  if (node.published.roots.get(name) === cache) node.published.roots.set(name, 0);
};

export const withdrawName = defineHandler('cache.withdrawName', (node, args: { name: string; cache: Handle }): void =>
  forgetName(node, args.name, args.cache),
);

const withdrawCache = defineHandler(
  'cache.withdraw',
  (node, args: { cache: Handle; root: boolean; name: string }): void => {
    node.published.memcgArrays.drop(node.published.caches.read(args.cache, CacheField.memcgCaches));
    node.published.caches.withdraw(args.cache);
    if (args.root) forgetName(node, args.name, args.cache);
  },
);

/** The descriptor goes, and with it the work item inside. */
const releaseRecord = defineHandler('cache.release', (node, args: { cache: Handle }, context): void => {
  const { work } = node.caches.release(args.cache, context.step());
  if (work === 0) return;
  node.trace(Trace.workFree, context.cpu, work, 0, 0, 0);
  node.works.release(work, context.step());
});

/** The cache's record and its descriptor are freed; the allocator has nothing of it any more. */
export function* freeCache(
  cpu: Cpu,
  cache: Handle,
  { root, name, descriptor }: Omit<CacheDescription, 'memcg'>,
): Coroutine<void> {
  yield* requestAll(cpu.allNodes, withdrawCache, { cache, root: root === 0, name });
  yield* request(homeOf(cache), releaseRecord, { cache }, cache);
  if (descriptor !== 0) yield* call(kmemCacheFree, cpu, cpu.published.roots.get('kmem_cache'), descriptor);
}

/**
 * kmem_cache_create (4.10) of a root cache, or of a further name for one: hotplug locks, memcg_get_cache_ids and slab_mutex
 * around create_cache. Process context. 0 if it fails.
 */
export function* kmemCacheCreate(cpu: Cpu, spec: CacheSpec): Coroutine<Handle> {
  const { cacheIdsLock } = cpu.build.policies.memcg;
  yield* call(getOnlineCpusMems, cpu);
  if (cacheIdsLock !== null) yield* call(mutexLock, cpu, cacheIdsLock);
  yield* call(mutexLock, cpu, 'slab_mutex');
  let cache = yield* call(kmemCacheAlias, cpu, spec);
  if (cache === 0) {
    cache = yield* call(createCache, cpu, spec, 0, 0);
    if (cache !== 0) yield* call(cpu.build.policies.memcg.initRootArray, cpu, cache);
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  if (cacheIdsLock !== null) yield* call(mutexUnlock, cpu, cacheIdsLock);
  yield* call(putOnlineCpusMems, cpu);
  return cache;
}
