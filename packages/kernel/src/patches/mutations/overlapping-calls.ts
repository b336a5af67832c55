import { type Coroutine, call } from '@kmemlab/machine';
import type { KernelBuild } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { smpCallFunction, smpCallFunctionSingle } from '../../smp/call-function.js';

/**
 * Two calls to every other CPU that nobody waits for. In the kernels themselves the calls about slab caches come one after the
 * other; bugs in queueing show only where calls overlap.
 */
function* callTwice(cpu: Cpu): Coroutine<void> {
  cpu.preemptCount++;
  for (let round = 0; round < 2; round++) yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
  for (const target of cpu.published.onlineCpus()) {
    if (target !== cpu.id) yield* call(smpCallFunctionSingle, cpu, target, 'do_nothing', 0, false);
  }
  cpu.preemptCount--;
}

/** Make calls of one sender overlap whenever an array set is published. Correct by itself. */
export function overlapCalls({ policies }: KernelBuild): void {
  const { afterPublish } = policies.slab;
  policies.slab.afterPublish = function* overlapBefore(cpu, previous): Coroutine<void> {
    yield* call(callTwice, cpu);
    yield* call(afterPublish, cpu, previous);
  };
}
