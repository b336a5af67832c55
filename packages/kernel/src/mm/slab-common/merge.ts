import { BOOT_NODE, type Coroutine, call, type Handle, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { SlabFlag } from '../slab/types.js';
import { listRoots } from './cache-list.js';
import { objectAlignment } from './geometry.js';
import type { CacheSpec } from './types.js';

/** SLAB_NEVER_MERGE, and caches with a constructor. */
const NEVER = SlabFlag.destroyByRcu | SlabFlag.ctor;
/** SLAB_MERGE_SAME: what two merged caches must have in common. */
const SAME = SlabFlag.reclaim | SlabFlag.account;
const POINTER = 8;

const addReference = defineHandler('cacheList.addReference', (node, args: { cache: Handle }): void => {
  node.cacheList.addReference(args.cache, 1);
});

/** Answers with the references left. */
const dropReference = defineHandler('cacheList.dropReference', (node, args: { cache: Handle }): number =>
  node.cacheList.addReference(args.cache, -1),
);

const publishName = defineHandler('cache.publishName', (node, args: { name: string; cache: Handle }): void => {
  node.published.roots.set(args.name, args.cache);
});

/**
 * find_mergeable (mm/slab_common.c 4.10): the oldest root cache that can serve these objects, too: without constructor and
 * not RCU-typed, equally accounted and reclaimable, of the same size, which the alignment divides; with SLAB, of no smaller
 * alignment. 0 if there is none, or if the kernel merges nothing. Caller holds slab_mutex.
 */
function* findMergeable(cpu: Cpu, { objectSize, flags }: CacheSpec): Coroutine<Handle> {
  const { config, policies } = cpu.build;
  if (!policies.slab.merges || (flags & NEVER) !== 0) return 0;
  const { geometry } = cpu.build.allocator;
  const { size } = geometry(objectSize, flags, cpu.topology.cpuCount);
  const { caches, roots } = cpu.published;
  const align = objectAlignment(objectSize, flags);
  const fits = (root: Handle): boolean => {
    const theirs = caches.read(root, CacheField.flags);
    const theirSize = caches.read(root, CacheField.objectSize);
    if (root === roots.get('kmem_cache') || (theirs & NEVER) !== 0 || (theirs & SAME) !== (flags & SAME)) return false;
    if (config.allocator === 'slab' && objectAlignment(theirSize, theirs) % align !== 0) return false;
    return theirSize >= size && theirSize - size < POINTER && theirSize % align === 0;
  };
  const oldestFirst = (yield* request(BOOT_NODE, listRoots, null)).reverse();
  return oldestFirst.find(fits) ?? 0;
}

/**
 * __kmem_cache_alias: if a root cache can serve the new one, it gets its name as a further one and a reference. Evaluates
 * to that cache, 0 if a cache must be made. Caller holds slab_mutex, or boots.
 */
export function* kmemCacheAlias(cpu: Cpu, spec: CacheSpec): Coroutine<Handle> {
  const cache = yield* call(findMergeable, cpu, spec);
  if (cache === 0) return 0;
  yield* request(BOOT_NODE, addReference, { cache });
  yield* requestAll(cpu.allNodes, publishName, { name: spec.name, cache });
  return cache;
}

/** refcount−− of kmem_cache_destroy. Evaluates to true if the cache has other names and stays. Caller holds slab_mutex. */
export function* dropAlias(cpu: Cpu, cache: Handle, name: string): Coroutine<boolean> {
  if (!cpu.build.policies.slab.merges) return false;
  const left = yield* request(BOOT_NODE, dropReference, { cache });
  if (left > 0) yield* requestAll(cpu.allNodes, publishName, { name, cache: 0 });
  return left > 0;
}
