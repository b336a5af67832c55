import { actorOf, type Coroutine, call, type Handle, request, type Step, VerdictError } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import type { ArrayCache } from './array-cache.js';
import { firstTouch } from './node-handlers.js';

/** The array set that this CPU uses for a cache: the published one, or the one that it has swapped in before that is. */
const currentSet = (cpu: Cpu, cache: Handle): Handle =>
  cpu.swapped.cache === cache ? cpu.swapped.set : cpu.published.caches.read(cache, CacheField.cpuCache);

/** cpu_cache_get if the array exists already; for fast paths. */
export function presentArray(cpu: Cpu, cache: Handle): ArrayCache | undefined {
  return cpu.ownWords.arrays.get(currentSet(cpu, cache));
}

/** cpu_cache_get (4.10): this CPU's array of the cache's published set. Interrupts off. */
export function* cpuCacheGet(cpu: Cpu, cache: Handle): Coroutine<ArrayCache> {
  const set = currentSet(cpu, cache);
  const present = cpu.ownWords.arrays.get(set);
  if (present !== undefined) return present;
  if (!cpu.published.arraySets.isCurrent(set)) yield* call(useAfterFree, cpu, cache, set);
  yield* request(cpu.node, firstTouch, { cache, set, cpu: cpu.id }, cache);
  return cpu.ownWords.arrays.get(set) ?? (yield* call(useAfterFree, cpu, cache, set));
}

/** Every store into an array that was looked up before an effect asks this first: has its set been freed since? */
export const isStale = (cpu: Cpu, array: ArrayCache): boolean => !cpu.published.arraySets.isCurrent(array.set);

/** Where the set was freed, as its node remembers. */
const freedSetStep = defineHandler(
  'slab.freedSetStep',
  (node, args: { set: Handle }): Step | null => node.freedSet(args.set) ?? null,
);

/** The CPU is about to use an array of a freed set: the run ends with the verdict, whose step is the caller's. */
export function* useAfterFree(cpu: Cpu, cache: Handle, set: Handle): Coroutine<never> {
  const [, ...stack] = cpu.step().stack ?? [];
  const now = { ...cpu.step(), function: stack[0] ?? 'idle', stack };
  const freed = yield* request(cpu.node, freedSetStep, { set });
  const name = cpu.published.caches.isCurrent(cache) ? cache.toString(16) : 'freed';
  throw new VerdictError({
    class: 'use-after-free',
    id: 'SLAB-4',
    object: `array_cache set ${set.toString(16)} of cache ${name}`,
    ...(freed !== null && { owner: actorOf(freed) }),
    steps: freed === null ? [now] : [freed, now],
    detail: 'the CPU stores into an array that was replaced and freed while it had interrupts off',
  });
}
