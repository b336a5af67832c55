import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { type Allocation, kmemCacheAlloc } from './alloc.js';
import { kmemCacheFree } from './free.js';

/** kmem_cache_alloc of a named cache; with `account` (__GFP_ACCOUNT) charged even if the cache is not an accounted one. Null if denied. */
export function* takeObject(cpu: Cpu, name: string, account = false): Coroutine<Allocation | null> {
  const allocation = yield* call(kmemCacheAlloc, cpu, name, account);
  return allocation.object === 0 ? null : allocation;
}

/** kmem_cache_free of what {@link takeObject} gave. Any context. */
export function* freeObject(cpu: Cpu, { cache, object }: Allocation): Coroutine<void> {
  yield* call(kmemCacheFree, cpu, cache, object);
}
