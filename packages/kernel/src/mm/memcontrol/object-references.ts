import { type Coroutine, call, type Handle, type ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import type { Chosen } from '../slab-common/alloc.js';
import { unpinCache } from './pinned-caches.js';

/*
 * destroy-on-last-object: each object of a memcg cache holds it, and the memcg does until it goes offline. Every allocation and
 * every free of an accounted object is an atomic operation at the cache's home, which an array hit otherwise does without.
 */

/** The reference that the lookup took is the object's; without an object it is dropped. */
export function* keepForObject(cpu: Cpu, { held }: Chosen, object: ObjectRef): Coroutine<void> {
  if (object === 0) yield* call(unpinCache, cpu, held);
}

/** The allocator has the object back: test whether it was the last one. Any context. */
export function* testLastObject(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (cpu.published.caches.read(cache, CacheField.root) !== 0) yield* call(unpinCache, cpu, cache);
}
