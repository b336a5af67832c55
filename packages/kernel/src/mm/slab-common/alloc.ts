import { type Coroutine, call, type Handle, type ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { slabAlloc } from '../slab/alloc.js';
import { SlabFlag } from '../slab/types.js';

/** A slab object with the cache that served it (what its page's slab_cache says). */
export interface Allocation {
  readonly object: ObjectRef;
  readonly cache: Handle;
}

/**
 * kmem_cache_alloc (4.10) from a root cache by name: memcg hook, then the cache the hook chose, on this CPU's node. Process
 * context. `object` is 0 if the memcg may not be charged.
 * @param account __GFP_ACCOUNT: charge the object even if its cache is not SLAB_ACCOUNT
 */
export function* kmemCacheAlloc(cpu: Cpu, name: string, account = false): Coroutine<Allocation> {
  const root = cpu.rootCache(name);
  const memcg = cpu.accountedMemcg();
  const ofCache = (cpu.published.caches.read(root, CacheField.flags) & SlabFlag.account) !== 0;
  const accounted = memcg !== 0 && (account || ofCache);
  if (!accounted) return { object: yield* call(slabAlloc, cpu, root), cache: root };
  const { getCache, putCache } = cpu.build.policies.memcg;
  const cache = yield* call(getCache, cpu, root, memcg);
  const object = yield* call(slabAlloc, cpu, cache);
  if (cache !== root) yield* call(putCache, cpu, cache);
  return { object, cache };
}
