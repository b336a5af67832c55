import { type Coroutine, call, type Handle, type ObjectRef, pageOf } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { Trace } from '../../tracepoints.js';
import { kmemCacheFree } from './free.js';

/** Objects of other pages that build_detached_freelist passes over. */
const LOOKAHEAD = 3;

/** build_detached_freelist: takes the last object, and before it those of the same page, until three others have come. */
function takeDetached(objects: ObjectRef[]): ObjectRef[] {
  const first = objects.pop();
  if (first === undefined) return [];
  const detached = [first];
  let others = 0;
  for (let n = objects.length - 1; n >= 0 && others < LOOKAHEAD; n--) {
    const object = objects[n] as ObjectRef;
    if (pageOf(object) !== pageOf(first)) others++;
    else detached.push(...objects.splice(n, 1));
  }
  return detached;
}

/**
 * kmem_cache_free_bulk (5.9). SLAB frees one object after the other. SLUB frees lists of objects of one page, and the version's memcg
 * hook sees only the first object of each (V6-c). Any context.
 */
export function* kmemCacheFreeBulk(cpu: Cpu, cache: Handle, objects: readonly ObjectRef[]): Coroutine<void> {
  const { policies, allocator } = cpu.build;
  if (allocator.name !== 'slub') {
    for (const object of objects) yield* call(kmemCacheFree, cpu, cache, object);
    return;
  }
  const left = [...objects];
  for (let list = takeDetached(left); list.length > 0; list = takeDetached(left)) {
    const [first] = list;
    if (policies.memcg.freeHook !== null && first !== undefined) {
      yield* call(policies.memcg.freeHook, cpu, cache, first);
    }
    for (const object of list) {
      cpu.trace(Trace.objectFree, object, cache, 0, 0);
      yield* call(allocator.free, cpu, cache, object);
    }
  }
}
