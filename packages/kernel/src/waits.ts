import { type Context, ContextState } from '@kmemlab/machine';
import type { Cpu } from './cpu.js';
import type { KernelNode } from './node.js';
import { callbacksWaitedFor, type RcuCpuWaits, type RcuNodeWaits, rcuNodeWaits } from './rcu/waits.js';
import { workerThread } from './workqueue/pools.js';
import type { WorkqueueName } from './workqueue/queues.js';
import type { Flush } from './workqueue/types.js';

/** What a context does: it runs kernel code, spins on or sleeps for a waiter, or waits for its CPU. */
export type Doing = 'runs' | 'spins' | 'sleeps' | 'queued';

/** One thread of kernel execution and what it waits for. */
export interface Waiting {
  /** Number of the task: a pid, negative for a kernel thread, 0 in an interrupt. */
  readonly task: number;
  readonly name: string;
  readonly kind: 'task' | 'softirq' | 'hardirq';
  /** Number of the system call that it is in, on its CPU; 0 for none. */
  readonly syscall: number;
  readonly doing: Doing;
  /** What it spins on or sleeps for; 0 if nothing. */
  readonly waiter: number;
  /** The CPU that has to release the csd for which it waits; −1 if it waits for none. */
  readonly target: number;
  /** When it began to wait; now, if it does not wait. ns. */
  readonly since: number;
  /** Innermost function first. */
  readonly stack: readonly string[];
}

/** The kernel execution of one CPU. */
export interface CpuWaits {
  readonly cpu: number;
  readonly irqsOff: boolean;
  readonly inInterrupt: boolean;
  /** The innermost context on the CPU, but not a hardirq that has just come over one that spins; null if there is none. */
  readonly running: Waiting | null;
  /** The task below it, or the same; null if there is none. */
  readonly task: Waiting | null;
  /** Tasks of this CPU that sleep in the kernel or wait for the CPU. */
  readonly others: readonly Waiting[];
  /** What RCU callbacks on this CPU will complete, and the grace period that has to end before. */
  readonly callbacks: RcuCpuWaits;
}

/** Who has and who waits for what is homed on one node. */
export interface NodeWaits {
  readonly node: number;
  /** The owner is a task, 0 for nobody. */
  readonly mutexes: readonly { readonly name: string; readonly owner: number; readonly waiters: readonly number[] }[];
  /** The holder is a CPU, −1 for nobody. */
  readonly spinlocks: readonly {
    readonly name: string;
    readonly holder: number;
    readonly waiters: readonly number[];
  }[];
  /** `thread` is the name of the workers' tasks. */
  readonly flushes: readonly (Flush & { readonly queue: string; readonly thread: string })[];
  /** Each RCU flavour's grace period and who owes it something here. */
  readonly rcu: readonly RcuNodeWaits[];
}

const DOING: Readonly<Record<number, Doing>> = {
  [ContextState.spinning]: 'spins',
  [ContextState.blocked]: 'sleeps',
};

/** What there is of kernel execution on a CPU now. Nothing in the machine notices. */
export function waitsOf(cpu: Cpu): CpuWaits {
  const waiters = new Map<Context, number>();
  for (const [waiter, context] of cpu.waiting()) waiters.set(context, waiter);
  const now = cpu.now();
  const describe = (context: Context, otherwise: Doing): Waiting => {
    const waiter = waiters.get(context) ?? 0;
    const doing = DOING[context.state] ?? otherwise;
    return {
      task: context.taskId,
      name: context.taskName,
      kind: context.kind,
      syscall: cpu.tasks.syscallNumber(context),
      doing,
      waiter,
      target: doing === 'spins' ? cpu.smp.targetOf(waiter) : -1,
      since: doing === 'spins' || doing === 'sleeps' ? context.waitingSince : now,
      stack: context.stack(),
    };
  };
  const { current, currentTask } = cpu;
  const asleep = [...waiters.keys()].filter((context) => context.state === ContextState.blocked);
  return {
    cpu: cpu.id,
    irqsOff: cpu.irqsOff,
    inInterrupt: cpu.inInterrupt,
    running: current === undefined ? null : describe(spinningBelow(current) ?? current, 'runs'),
    task: currentTask === undefined ? null : describe(currentTask, 'runs'),
    others: [...asleep, ...cpu.runnable].map((context) => describe(context, 'queued')),
    callbacks: callbacksWaitedFor(cpu.rcu),
  };
}

/** What spins on a CPU below a hardirq that runs: the hardirq is soon over, and may come again and again. */
function spinningBelow({ kind, state, below }: Context): Context | undefined {
  const passing = kind === 'hardirq' && state !== ContextState.spinning;
  return passing && below?.state === ContextState.spinning ? below : undefined;
}

/** Who has and who waits for what is homed on a node now. Nothing in the machine notices. */
export function nodeWaitsOf(node: KernelNode): NodeWaits {
  const waitersOf = (waiting: readonly { readonly waiter: number }[]) => waiting.map(({ waiter }) => waiter);
  return {
    node: node.id,
    mutexes: [...node.usedMutexes].map(([name, { owner, waiting }]) => ({ name, owner, waiters: waitersOf(waiting) })),
    spinlocks: [...node.usedSpinlocks].map(([name, { holder, waiting }]) => ({
      name,
      holder,
      waiters: waitersOf(waiting),
    })),
    flushes: [...node.allPools()].flatMap(([queue, pool]) => {
      const thread = workerThread(queue as WorkqueueName);
      return pool.flushes.map((flush) => ({ ...flush, queue, thread }));
    }),
    rcu: rcuNodeWaits(node),
  };
}
