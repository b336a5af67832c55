import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineHandler } from '../../registry.js';
import type { Chosen } from '../slab-common/alloc.js';
import { paramsOf } from './cache-params.js';
import { countReferences, dropReferences } from './child-references.js';
import { memcgKmemGetCacheUnreferenced } from './create-on-system-wq.js';

/*
 * pin-until-release: beside the memcg and the pages, whoever does something by which pages may be released holds the cache
 * until the last touch: allocations in flight, slow frees, shrinks, reaps.
 */

/** atomic_inc_not_zero. */
const tryPin = defineHandler('memcg.tryPinCache', (node, args: { cache: Handle; defect: Defect }, context): boolean => {
  const params = paramsOf(node, args.cache, context.step, args.defect);
  if (params.references === 0) return false;
  params.references++;
  return true;
});

/** Hold a cache that may have lost its last reference; false if it has. */
export function* tryPinCache(_cpu: Cpu, cache: Handle, defect: Defect): Coroutine<boolean> {
  return yield* request(homeOf(cache), tryPin, { cache, defect }, cache);
}

/** Hold a cache that something else holds. */
export function* pinCache(_cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* request(homeOf(cache), countReferences, { cache, by: 1, defect: 'V0-b' }, cache);
}

/** Drop one reference, the last touch. Any context. */
export function* unpinCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(dropReferences, cpu, cache, 1);
}

/**
 * __memcg_kmem_get_cache with a reference: looked up and held in one RCU read section. No memcg goes offline within a
 * grace period of its removal, so what the section finds still exists. A cache that nothing holds any more is not used.
 */
export function* getPinnedCache(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Chosen> {
  rcuReadLock(cpu);
  const { cache } = yield* call(memcgKmemGetCacheUnreferenced, cpu, root, memcg);
  const held = cache !== root && (yield* call(tryPinCache, cpu, cache, 'V0-h'));
  rcuReadUnlock(cpu);
  return held ? { cache, held: cache } : { cache: root, held: 0 };
}

/** The allocation is over. */
export function* putPinnedCache(cpu: Cpu, { held }: Chosen): Coroutine<void> {
  yield* call(unpinCache, cpu, held);
}
