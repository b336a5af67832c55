import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';

/** kmem_cache_shrink: the allocator gives back what no object needs. Evaluates to true if no slab is left. Takes no lock. */
export function* kmemCacheShrink(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  return yield* call(cpu.build.allocator.shrink, cpu, cache);
}
