import { type Coroutine, call, type Effect, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';

/**
 * An operation that may release pages of a cache, and touches the cache afterwards. If the kernel pins caches
 * (pin-until-release), it holds a memcg cache meanwhile. Whoever calls it knows that the cache exists. Any context.
 */
export function* whilePinned<T>(cpu: Cpu, cache: Handle, operation: Effect<T>): Coroutine<T> {
  const pins = cpu.build.policies.memcg.childCaches?.pins ?? null;
  if (pins === null || cpu.published.caches.read(cache, CacheField.root) === 0) return yield* operation;
  yield* call(pins.get, cpu, cache);
  const result = yield* operation;
  yield* call(pins.put, cpu, cache);
  return result;
}
