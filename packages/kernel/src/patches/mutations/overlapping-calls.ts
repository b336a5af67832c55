import { type Coroutine, call } from '@kmemlab/machine';
import type { KernelBuild } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { smpCallFunction, smpCallFunctionSingle } from '../../smp/call-function.js';
import { kickAllCpusSync } from '../../smp/kick.js';

/**
 * Two calls to every other CPU that nobody waits for, then the kick. In 4.10 itself the calls about slab caches come one
 * after the other; bugs in queueing show only where calls overlap.
 */
function* overlapThenKick(cpu: Cpu): Coroutine<void> {
  cpu.preemptCount++;
  for (let round = 0; round < 2; round++) yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
  for (const target of cpu.published.onlineCpus()) {
    if (target !== cpu.id) yield* call(smpCallFunctionSingle, cpu, target, 'do_nothing', 0, false);
  }
  cpu.preemptCount--;
  yield* call(kickAllCpusSync, cpu);
}

/** Make calls of one sender overlap whenever an array set is published. Correct by itself. */
export function overlapCalls(kernel: KernelBuild): void {
  kernel.policies.slab.afterPublish = overlapThenKick;
}
