import { type Coroutine, call, type Handle, type ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { Trace } from '../../tracepoints.js';

/** A slab object with the cache that served it (what its page's slab_cache says). */
export interface Allocation {
  readonly object: ObjectRef;
  readonly cache: Handle;
}

/** What the memcg hook chose for one allocation. */
export interface Chosen {
  /** The cache that serves it. */
  readonly cache: Handle;
  /** What the hook took a reference on or charged, until its second half has run; 0 if it took nothing. */
  readonly held: Handle;
}

/** An object of exactly this cache, past the memcg hooks; 0 if there is no memory or it may not be charged. */
export function* slabAllocFrom(cpu: Cpu, cache: Handle): Coroutine<ObjectRef> {
  return traced(cpu, yield* call(cpu.build.allocator.alloc, cpu, cache), cache);
}

function traced(cpu: Cpu, object: ObjectRef, cache: Handle): ObjectRef {
  if (object !== 0) cpu.trace(Trace.objectAlloc, object, cache, 0, 0);
  return object;
}

/** kmem_cache_alloc_node past the memcg hooks: the same from a given node. */
export function* slabAllocFromNode(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  return traced(cpu, yield* call(cpu.build.allocator.allocNode, cpu, cache, node), cache);
}

/**
 * kmem_cache_alloc from a root cache by name: the version's memcg hook, then the cache that it chose, on this CPU's node.
 * Process context. `object` is 0 if there is no memory, or the memcg may not be charged.
 * @param account the call asks for accounting (__GFP_ACCOUNT, 4.5 and later)
 */
export function* kmemCacheAlloc(cpu: Cpu, name: string, account = false): Coroutine<Allocation> {
  const root = cpu.rootCache(name);
  const { payer, getCache, putCache } = cpu.build.policies.memcg;
  const memcg = payer(cpu, cpu.published.caches.read(root, CacheField.flags), account);
  const { alloc } = cpu.build.allocator;
  if (memcg === 0) return { object: traced(cpu, yield* call(alloc, cpu, root), root), cache: root };
  const chosen = yield* call(getCache, cpu, root, memcg);
  const object = traced(cpu, yield* call(alloc, cpu, chosen.cache), chosen.cache);
  if (chosen.held !== 0) yield* call(putCache, cpu, chosen, object);
  return { object, cache: chosen.cache };
}
