import { BOOT_CPU, BOOT_NODE, call, request } from '@kmemlab/machine';
import type { KernelBuild, Patch } from '../../build.js';
import { nextState, readPlan, STOPPER, stopDisabled } from '../../hotplug/stop-machine.js';
import { smpCallFunctionSingle } from '../../smp/call-function.js';

/**
 * Just before all CPUs turn interrupts off, the boot CPU sends the one that dies a call for which nobody waits. In the real
 * kernel an interrupt does it, at any moment until the sender has interrupts off itself. Correct by itself.
 */
function callLate(kernel: KernelBuild): void {
  kernel.functions.replaceFunction(
    'thread',
    STOPPER,
    () =>
      function* stopWithLateCall(cpu) {
        const { target } = yield* request(BOOT_NODE, readPlan, null);
        yield* call(nextState, cpu);
        if (cpu.id === BOOT_CPU) yield* call(smpCallFunctionSingle, cpu, target, 'do_nothing', 0, false);
        yield* call(stopDisabled, cpu);
      },
  );
}

export const dyingKeepsCalls: Patch = {
  name: 'dying-keeps-calls',
  summary: 'a CPU that goes down leaves what is in its call queue there; a late call is made to it',
  mutation: true,
  breaks: 'SMP-1',
  apply: (kernel) => {
    callLate(kernel);
    kernel.policies.smp.flushDying = function* keepCalls() {};
  },
};
