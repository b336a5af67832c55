import { type Coroutine, cpuOfWaiter, post, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { KernelNode } from '../node.js';
import { defineAtomic, defineHandler } from '../registry.js';
import { allowedCpu, isHousekeeping } from './allowed-cpu.js';

/**
 * Wake a kernel thread that may run on any CPU, near the CPU it last ran on: that CPU if it is idle, else an idle one of
 * its node, else of as many of the next nodes as `hops` allows, else the CPU it last ran on. Models select_task_rq_fair for an unbound
 * kworker (4.10). Only words of the own node's CPUs are read; the search travels from node to node. Isolated and
 * offline CPUs are passed over.
 */
export const wakeUnboundThread = defineHandler(
  'sched.wakeUnboundThread',
  (node, args: { thread: string; data: number; previous: number; hops: number }, context): void => {
    const idle = idleCpu(node, args.previous);
    if (idle !== undefined) {
      node.words(idle).idle = false;
      context.wakeThread(idle, args.thread, args.data);
      return;
    }
    if (args.hops > 0) {
      context.post((node.id + 1) % node.topology.nodes, wakeUnboundThread, { ...args, hops: args.hops - 1 });
      return;
    }
    context.post(node.topology.nodeOf(args.previous), wakeThreadOn, args);
  },
);

/** Nobody is idle: the thread queues up on the CPU it last ran on. */
const wakeThreadOn = defineHandler(
  'sched.wakeThreadOn',
  (node, args: { thread: string; data: number; previous: number }, context): void => {
    context.wakeThread(allowedCpu(node.published, node.topology, args.previous), args.thread, args.data);
  },
);

function idleCpu(node: KernelNode, previous: number): number | undefined {
  const { topology, published } = node;
  const usable = (cpu: number): boolean => node.words(cpu).idle && isHousekeeping(published, cpu);
  if (topology.nodeOf(previous) === node.id && usable(previous)) return previous;
  const first = topology.firstCpuOf(node.id);
  const candidates: number[] = [];
  for (let cpu = first; cpu < first + topology.cpusPerNode; cpu++) {
    if (usable(cpu)) candidates.push(cpu);
  }
  return candidates.length === 0 ? undefined : candidates[node.random.below(candidates.length)];
}

const completeWaiter = defineAtomic('sched.complete', (_memory, args: { waiter: number }, context): void => {
  context.complete(args.waiter, 0);
});

/** complete(): wake whoever waits for this waiter, on whichever CPU. */
export function* complete(cpu: Cpu, waiter: number): Coroutine<void> {
  yield* post(cpu.nodeOf(cpuOfWaiter(waiter)), completeWaiter, { waiter });
}

/** scheduler_ipi: the wake-up itself has happened in memory; the interrupt makes the CPU look. */
export function* rescheduleInterrupt(cpu: Cpu): Coroutine<void> {
  cpu.ownWords.interrupts.reschedule++;
  if (cpu.ownWords.rcuUrgent) {
    cpu.ownWords.rcuUrgent = false;
    cpu.resched();
  }
  yield* work(cpu.costs['interrupt.entry']);
}
