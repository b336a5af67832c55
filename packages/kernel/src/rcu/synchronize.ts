import { type Coroutine, call, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction } from '../registry.js';
import { complete } from '../sched/wake.js';
import { Trace } from '../tracepoints.js';
import { queueCallback } from './callbacks.js';
import { Flavour } from './flavours.js';
import type { RcuData } from './state.js';

/** The callback by which a task waits for a grace period; its data is the waiter. */
export const WAKEME_AFTER_RCU = defineFunction('rcu', 'wakeme_after_rcu', function* wakemeAfterRcu(cpu, waiter) {
  yield* call(complete, cpu, waiter);
});

/**
 * With one CPU online the call itself is a quiescent state (rcu_blocking_is_gp), except for readers of a preemptible kernel,
 * which may be off the CPU.
 */
export const blockingIsGracePeriod = (cpu: Cpu, { flavour }: RcuData): boolean =>
  flavour !== Flavour.preempt && cpu.published.onlineCpus().length === 1;

/** A call that returns when everything that was reading has ended (RCU-7), and how it waits for that. */
export function* waitForReaders(cpu: Cpu, name: string, data: RcuData, how: typeof waitRcuGp): Coroutine<void> {
  cpu.counters.add(name);
  const start = cpu.now();
  cpu.trace(Trace.rcuSynchronize, data.flavour, cpu.taskId, 0, 0);
  if (!blockingIsGracePeriod(cpu, data)) {
    yield* call(how, cpu, data);
    cpu.durations.record(name, cpu.now() - start);
  }
  cpu.trace(Trace.rcuSynchronize, data.flavour, cpu.taskId, 1, 0);
}

/** wait_rcu_gp: queue a callback and sleep until it runs. */
export function* waitRcuGp(cpu: Cpu, data: RcuData): Coroutine<void> {
  const waiter = cpu.newWaiter();
  queueCallback(cpu, data, WAKEME_AFTER_RCU, waiter);
  yield* wait(waiter);
}

/** synchronize_sched (4.10): returns when all code with preemption off that ran at the call has ended. Process context. */
export function* synchronizeSched(cpu: Cpu): Coroutine<void> {
  yield* call(waitForReaders, cpu, 'synchronize_sched', cpu.rcu.sched, cpu.build.policies.rcu.waitForGracePeriod);
}

/** synchronize_rcu (4.10; 5.2 for every kind of reader). Process context. */
export function* synchronizeRcu(cpu: Cpu): Coroutine<void> {
  yield* call(waitForReaders, cpu, 'synchronize_rcu', cpu.rcu.rcu, cpu.build.policies.rcu.waitForGracePeriod);
}
