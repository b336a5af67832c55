import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineFunction } from '../../registry.js';
import { onEachCpuCond } from '../../smp/call-function.js';
import type { KmemCacheCpu } from './cpu-slabs.js';
import { flushSlab, unfreezeCpuPartials } from './deactivate.js';
import { hasCpuSlab } from './node-handlers.js';

/** flush_cpu_slab: this CPU gives up all that it holds of a cache. Runs there with interrupts off. */
const flushCpuSlab = defineFunction('csd', 'flush_cpu_slab', function* flushCpuSlabHere(cpu, cache) {
  const slab = cpu.ownWords.cpuSlabs.get(cache);
  if (slab !== undefined) yield* call(flushThis, cpu, slab);
});

/** __flush_cpu_slab. */
function* flushThis(cpu: Cpu, slab: KmemCacheCpu): Coroutine<void> {
  if (slab.page !== 0) yield* call(flushSlab, cpu, slab);
  yield* call(unfreezeCpuPartials, cpu, slab);
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

/** slub_cpu_dead (slab_cpuup_callback to 4.9): a CPU that goes offline gives up its slabs of every cache. Runs on that CPU. */
export function* slubFlushCpu(cpu: Cpu): Coroutine<void> {
  const saved = cpu.irqSave();
  for (const slab of cpu.ownWords.cpuSlabs.used()) yield* call(flushThis, cpu, slab);
  cpu.irqRestore(saved);
}
