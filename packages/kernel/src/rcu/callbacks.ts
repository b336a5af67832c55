import { BOOT_CPU, BOOT_NODE, type Coroutine, call, post, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { complete } from '../sched/wake.js';
import { rcuReport } from './quiescent.js';
import { RCU_GP_KTHREAD } from './state.js';

/** Callbacks invoked in one pass before the softirq looks round (blimit). */
const BATCH_LIMIT = 10;

/** Ask for a grace period; wakes the kthread if it sleeps for want of one. */
export const requestGracePeriod = defineHandler('rcu.request', (node, args: { gp: number }, context): void => {
  const root = node.rcuRoot;
  root.requested = Math.max(root.requested, args.gp);
  if (root.kthreadAwake || root.requested <= root.completed) return;
  root.kthreadAwake = true;
  context.wakeThread(BOOT_CPU, RCU_GP_KTHREAD, 0);
});

/**
 * The first grace period that is sure to start after now. Only the root knows whether one has just begun, so a leaf's CPU
 * takes the one after the next: a callback waits between one and two grace periods (rcu_cbs_completed, 4.10).
 */
const nextGracePeriod = (cpu: Cpu): number => cpu.rcuCompleted + 2;

function* enqueue(cpu: Cpu, fn: string, data: number, waiter: number): Coroutine<void> {
  const gp = nextGracePeriod(cpu);
  const wanted = cpu.rcu.waiting[cpu.rcu.waiting.length - 1]?.gp ?? 0;
  cpu.rcu.add(gp, { fn, data, waiter });
  cpu.ownWords.rcuCallbacks = cpu.rcu.length;
  if (gp > wanted) yield* post(BOOT_NODE, requestGracePeriod, { gp });
}

/**
 * call_rcu_sched (4.10): queue a callback on this CPU; it runs here, in softirq, after a full grace period. Any context.
 * In a non-preemptible kernel call_rcu is the same.
 */
export function* callRcu(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('call_rcu');
  yield* call(enqueue, cpu, fn, data, 0);
}

/** Queue a callback that is not counted as anybody's call_rcu: the one of a barrier. */
export function* enqueueBarrier(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  yield* call(enqueue, cpu, fn, data, 0);
}

/** kfree_rcu: call_rcu whose callback only frees. */
export function* kfreeRcu(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('kfree_rcu');
  yield* call(enqueue, cpu, fn, data, 0);
}

/**
 * synchronize_sched (4.10): returns when everything that was reading at the call has ended (RCU-7). With one CPU online
 * the call itself is a quiescent state and it returns at once. Process context.
 */
export function* synchronizeSched(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('synchronize_sched');
  if (cpu.published.onlineCpus().length === 1) return;
  const start = cpu.now();
  const waiter = cpu.newWaiter();
  yield* call(enqueue, cpu, 'wakeme_after_rcu', 0, waiter);
  yield* wait(waiter);
  cpu.durations.record('synchronize_sched', cpu.now() - start);
}

/** rcu_process_callbacks: notice and report grace periods, invoke callbacks whose grace period is over. Softirq. */
export function* rcuProcessCallbacks(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  cpu.rcuSoftirq = false;
  yield* call(rcuReport, cpu);
  rcu.advance(cpu.rcuCompleted);
  const batch = rcu.done.splice(0, BATCH_LIMIT);
  for (const head of batch) {
    if (head.waiter !== 0) yield* call(complete, cpu, head.waiter);
    else yield* call(cpu.build.functions.find('rcu', head.fn), cpu, head.data);
  }
  rcu.length -= batch.length;
  cpu.ownWords.rcuCallbacks = rcu.length;
  if (rcu.done.length > 0) cpu.rcuSoftirq = true;
}
