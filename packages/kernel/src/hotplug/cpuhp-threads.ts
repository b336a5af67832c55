import { type Coroutine, call, requestAll, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { startBusyTask } from '../guest/busy-task.js';
import { rcuCpuStarting } from '../rcu/hotplug.js';
import { defineFunction, defineHandler } from '../registry.js';
import { complete } from '../sched/wake.js';
import { HotplugStep, Trace } from '../tracepoints.js';

const setCpuOnline = defineHandler('hotplug.setCpuOnline', (node, args: { cpu: number }): void => {
  node.cpusDown.delete(args.cpu);
  node.published.setOnline(args.cpu);
});

/**
 * sched_cpu_deactivate, in the hotplug thread of the CPU that goes down: from now on tasks and kernel threads that come for it
 * run elsewhere. A task that is in the kernel here stays to the end of what it does, since tasks of the model do not
 * migrate within a system call.
 */
export const CPUHP_DOWN = defineFunction('thread', 'cpuhp/down', function* deactivateCpu(cpu, caller) {
  cpu.active = false;
  cpu.trace(Trace.hotplug, HotplugStep.inactive, 0, 0, 0);
  yield* call(untilAlone, cpu);
  yield* call(complete, cpu, caller);
});

function* untilAlone(cpu: Cpu): Coroutine<void> {
  const waiter = cpu.newWaiter();
  if (cpu.tasks.tellWhenAlone(waiter)) yield* wait(waiter);
  else cpu.dropWaiter(waiter);
}

/** Bring-up as the CPU itself sees it: start_secondary, then sched_cpu_activate and slab_online_cpu. */
export const CPUHP_UP = defineFunction('thread', 'cpuhp/up', function* startSecondary(cpu, caller) {
  cpu.dead = false;
  yield* call(rcuCpuStarting, cpu);
  yield* requestAll(cpu.allNodes, setCpuOnline, { cpu: cpu.id });
  cpu.active = true;
  cpu.trace(Trace.hotplug, HotplugStep.online, 0, 0, 0);
  yield* call(cpu.build.allocator.startCpu, cpu);
  startBusyTask(cpu);
  yield* call(complete, cpu, caller);
});
