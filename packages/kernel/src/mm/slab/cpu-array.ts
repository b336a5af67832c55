import { type Coroutine, type Handle, request, VerdictError } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import type { ArrayCache } from './array-cache.js';
import { firstTouch } from './node-handlers.js';

/** cpu_cache_get if the array exists already; for fast paths. */
export function presentArray(cpu: Cpu, cache: Handle): ArrayCache | undefined {
  return cpu.ownWords.arrays.get(cpu.published.caches.read(cache, CacheField.cpuCache));
}

/** cpu_cache_get (4.10): this CPU's array of the cache's published set. Interrupts off. */
export function* cpuCacheGet(cpu: Cpu, cache: Handle): Coroutine<ArrayCache> {
  const set = cpu.published.caches.read(cache, CacheField.cpuCache);
  const present = cpu.ownWords.arrays.get(set);
  if (present !== undefined) return present;
  if (!cpu.published.arraySets.isCurrent(set)) throw useAfterFree(cpu, cache, set);
  yield* request(cpu.node, firstTouch, { cache, set, cpu: cpu.id }, cache);
  return cpu.ownWords.arrays.get(set) as ArrayCache;
}

/** Every store into an array that was looked up before an effect asks this first: has its set been freed since? */
export function checkArray(cpu: Cpu, array: ArrayCache): void {
  if (!cpu.published.arraySets.isCurrent(array.set)) throw useAfterFree(cpu, array.cache, array.set);
}

function useAfterFree(cpu: Cpu, cache: Handle, set: Handle): VerdictError {
  const freed = cpu.freedArraySet(set);
  return new VerdictError({
    class: 'use-after-free',
    id: 'SLAB-4',
    object: `array_cache set ${set.toString(16)} of cache ${cpu.published.caches.isCurrent(cache) ? cache.toString(16) : 'freed'}`,
    steps: freed === undefined ? [cpu.step()] : [freed, cpu.step()],
    detail: 'the CPU stores into an array that was replaced and freed while it had interrupts off',
  });
}
