import { type Coroutine, call, type Handle, type ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { Trace } from '../../tracepoints.js';

/** kmem_cache_free: the version's memcg hook, then the allocator takes the object back. Any context. */
export function* kmemCacheFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  cpu.trace(Trace.objectFree, object, cache, 0, 0);
  const { policies, allocator } = cpu.build;
  if (policies.memcg.freeHook !== null) yield* call(policies.memcg.freeHook, cpu, cache, object);
  yield* call(allocator.free, cpu, cache, object);
  if (policies.memcg.afterFree !== null) yield* call(policies.memcg.afterFree, cpu, cache);
}
