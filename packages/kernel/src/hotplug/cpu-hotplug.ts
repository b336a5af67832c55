import { BOOT_CPU, type Coroutine, call, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EAGAIN, EINVAL, EPERM } from '../fs/types.js';
import { cpuHotplugBegin, cpuHotplugDone } from '../locking/hotplug.js';
import { mutexTrylock, mutexUnlock } from '../locking/mutex.js';
import { defineHandler } from '../registry.js';
import { CPUHP_DOWN, CPUHP_UP } from './cpuhp-threads.js';
import { inherit } from './dead-cpu.js';
import { stopMachine } from './stop-machine.js';

const EBUSY = -16;

const wakeHotplugThread = defineHandler(
  'hotplug.wake',
  (_node, args: { cpu: number; thread: string; waiter: number }, context): void => {
    context.wakeThread(args.cpu, args.thread, args.waiter);
  },
);

/** Run the hotplug thread of a CPU and wait until it has done its part. */
function* onCpu(cpu: Cpu, target: number, thread: string): Coroutine<void> {
  const waiter = cpu.newWaiter();
  yield* request(cpu.nodeOf(target), wakeHotplugThread, { cpu: target, thread, waiter });
  yield* wait(waiter);
}

/**
 * cpu_down (kernel/cpu.c 4.10). The CPU is first emptied of tasks, before cpu_hotplug is held for writing, because one of
 * them may be about to read it. Then everything stops, the CPU dies, and this CPU inherits what it leaves. Process
 * context without locks. Evaluates to 0, -EINVAL if it is not online, -EBUSY for the boot CPU or the one that asks,
 * -EAGAIN if another is on its way, or -EPERM if the kernel version does not do it.
 */
export function* cpuDown(cpu: Cpu, target: number): Coroutine<number> {
  // A version whose dying CPUs do not run their calls could leave a caller waiting for ever (3.14).
  if (cpu.build.policies.smp.flushDying === null) return EPERM;
  if (target === BOOT_CPU || target === cpu.id) return EBUSY;
  if (!(yield* call(mutexTrylock, cpu, 'cpu_add_remove_lock'))) return EAGAIN;
  const online = cpu.published.isOnline(target);
  if (online) yield* call(takeDown, cpu, target);
  yield* call(mutexUnlock, cpu, 'cpu_add_remove_lock');
  return online ? 0 : EINVAL;
}

function* takeDown(cpu: Cpu, target: number): Coroutine<void> {
  yield* call(onCpu, cpu, target, CPUHP_DOWN);
  yield* call(cpuHotplugBegin, cpu);
  yield* call(stopMachine, cpu, target);
  yield* call(inherit, cpu, target);
  yield* call(cpu.build.allocator.deadCpu, cpu, target);
  cpu.counters.add('cpu_down');
  yield* call(cpuHotplugDone, cpu);
}

/** cpu_up (kernel/cpu.c 4.10). Process context without locks. Evaluates as cpuDown does. */
export function* cpuUp(cpu: Cpu, target: number): Coroutine<number> {
  if (!(yield* call(mutexTrylock, cpu, 'cpu_add_remove_lock'))) return EAGAIN;
  const offline = !cpu.published.isOnline(target);
  if (offline) yield* call(bringUp, cpu, target);
  yield* call(mutexUnlock, cpu, 'cpu_add_remove_lock');
  return offline ? 0 : EINVAL;
}

function* bringUp(cpu: Cpu, target: number): Coroutine<void> {
  yield* call(cpuHotplugBegin, cpu);
  yield* call(cpu.build.allocator.prepareCpu, cpu, target);
  yield* call(onCpu, cpu, target, CPUHP_UP);
  cpu.counters.add('cpu_up');
  yield* call(cpuHotplugDone, cpu);
}
