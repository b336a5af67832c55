import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';

/**
 * kmem_cache_shrink: the allocator gives back what no object needs. Evaluates to true if no slab is left. Takes no lock. If the
 * kernel pins caches (pin-until-release), a memcg cache that nothing holds any more is left alone.
 */
export function* kmemCacheShrink(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  const { allocator, policies } = cpu.build;
  const pins = policies.memcg.childCaches?.pins ?? null;
  if (pins === null || cpu.published.caches.read(cache, CacheField.root) === 0) {
    return yield* call(allocator.shrink, cpu, cache);
  }
  if (!(yield* call(pins.tryGet, cpu, cache, 'V0-d'))) return true;
  const empty = yield* call(allocator.shrink, cpu, cache);
  yield* call(pins.put, cpu, cache);
  return empty;
}
