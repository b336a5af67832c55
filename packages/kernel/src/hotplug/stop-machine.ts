import { BOOT_NODE, type Coroutine, call, post, request, requestAll, spin, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction, defineHandler } from '../registry.js';
import { complete } from '../sched/wake.js';
import { takeCpuDown } from './take-cpu-down.js';

/** struct multi_stop_data: which CPU is to be taken down while all others stand still. On the boot node. */
export class StopMachine {
  target = -1;
  /** CPUs that take part. */
  count = 0;
  /** Waiter of the task that asked for it. */
  caller = 0;
  /** Waiters of the CPUs that have come to the next state and spin. */
  readonly arrived: number[] = [];
}

interface Plan {
  readonly target: number;
  readonly count: number;
  readonly caller: number;
}

const setPlan = defineHandler('stop.plan', (node, args: Plan): void => {
  Object.assign(node.stopMachine, args);
});

export const readPlan = defineHandler('stop.read', (node, _args: null): Plan => {
  const { target, count, caller } = node.stopMachine;
  return { target, count, caller };
});

/** ack_state: the last CPU to come lets all go on to the next state. */
const acknowledge = defineHandler('stop.acknowledge', (node, args: { waiter: number }, context): void => {
  const { arrived, count } = node.stopMachine;
  arrived.push(args.waiter);
  if (arrived.length < count) return;
  for (const waiter of arrived.splice(0)) context.complete(waiter, 0);
});

const wakeStoppers = defineHandler('stop.wake', (node, args: { cpus: readonly number[] }, context): void => {
  for (const cpu of args.cpus) if (node.topology.nodeOf(cpu) === node.id) context.wakeThread(cpu, STOPPER, 0);
});

/** Tell that this CPU has come so far, and spin until all have. */
export function* nextState(cpu: Cpu): Coroutine<void> {
  const waiter = cpu.newWaiter();
  yield* post(BOOT_NODE, acknowledge, { waiter });
  yield* spin(waiter);
}

/**
 * multi_cpu_stop (kernel/stop_machine.c 4.10), in the stopper thread of each online CPU: all meet, all turn interrupts off,
 * the target goes down, all turn them on again. A stopper runs only where no task is in the middle of anything with
 * preemption off, so nobody is in the middle of a cross-CPU call when the target stops answering.
 */
export const STOPPER = defineFunction('thread', 'migration', function* multiCpuStop(cpu) {
  cpu.preemptCount++;
  yield* call(nextState, cpu);
  yield* call(stopDisabled, cpu);
  cpu.preemptCount--;
});

/** The states MULTI_STOP_DISABLE_IRQ to MULTI_STOP_EXIT. */
export function* stopDisabled(cpu: Cpu): Coroutine<void> {
  const { target, caller } = yield* request(BOOT_NODE, readPlan, null);
  const flags = cpu.irqSave();
  yield* call(nextState, cpu);
  if (cpu.id === target) yield* call(takeCpuDown, cpu);
  yield* call(nextState, cpu);
  cpu.irqRestore(flags);
  if (cpu.id === target) yield* call(complete, cpu, caller);
}

/** stop_machine: take the target down while every other online CPU stands still with interrupts off. Sleeps. */
export function* stopMachine(cpu: Cpu, target: number): Coroutine<void> {
  const caller = cpu.newWaiter();
  const cpus = cpu.published.onlineCpus();
  yield* request(BOOT_NODE, setPlan, { target, count: cpus.length, caller });
  yield* requestAll(cpu.allNodes, wakeStoppers, { cpus });
  yield* wait(caller);
}
