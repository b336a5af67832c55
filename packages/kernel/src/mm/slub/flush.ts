import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { defineFunction } from '../../registry.js';
import { onEachCpuCond } from '../../smp/call-function.js';
import { deactivateSlab, flushSlab, unfreezeSlabs } from './deactivate.js';
import type { KmemCacheCpu, LeftSlabs } from './kmem-cache-cpu.js';
import { hasCpuSlab } from './node-handlers.js';

/** flush_cpu_slab: this CPU gives up all that it holds of a cache. Runs there with interrupts off. */
const flushCpuSlab = defineFunction('csd', 'flush_cpu_slab', function* flushCpuSlabHere(cpu, cache) {
  const slab = cpu.ownWords.cpuSlabs.get(cache);
  if (slab !== undefined) yield* call(flushThis, cpu, slab);
});

/** __flush_cpu_slab. */
function* flushThis(cpu: Cpu, slab: KmemCacheCpu): Coroutine<void> {
  if (slab.page !== 0) yield* call(flushSlab, cpu, slab);
  yield* call(unfreezeSlabs, cpu, slab.cache, () => slab.unpark());
}

/**
 * flush_all (mm/slub.c 4.10): CPUs that hold a slab of the cache give it up. Which those are is looked at from here, without
 * locks: a slab that a CPU takes after the look is missed (SLUB-6). Process context.
 */
export function* flushAll(cpu: Cpu, cache: Handle): Coroutine<void> {
  cpu.preemptCount++;
  const holds = (yield* requestAll(cpu.allNodes, hasCpuSlab, { cache })).flat();
  yield* call(onEachCpuCond, cpu, (target) => holds[target] === true, flushCpuSlab, cache, true);
  cpu.preemptCount--;
}

/** slub_cpu_dead (slab_cpuup_callback to 4.9): what a dead CPU held of all caches is given up by another, under slab_mutex. */
export function* slubCpuDead(cpu: Cpu, left: readonly LeftSlabs[]): Coroutine<void> {
  yield* call(mutexLock, cpu, 'slab_mutex');
  for (const { cache, page, freelist, partial } of left) {
    const saved = cpu.irqSave();
    if (page !== 0) yield* call(deactivateSlab, cpu, cache, page, [...freelist]);
    const waiting = [...partial];
    yield* call(unfreezeSlabs, cpu, cache, () => waiting.shift());
    cpu.irqRestore(saved);
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}
