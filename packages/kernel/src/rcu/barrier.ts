import { BOOT_NODE, type Coroutine, call, request, requestAll, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { defineFunction, defineHandler } from '../registry.js';
import { smpCallFunctionSingle } from '../smp/call-function.js';
import { enqueueBarrier } from './callbacks.js';

/** The barrier sequence, as rcu_seq counts it: odd while a barrier runs. Lives on the boot node. */
const barrierSequence = defineHandler('rcu.barrierSequence', (node, args: { step: number }): number => {
  node.rcuRoot.barrierSequence += args.step;
  return node.rcuRoot.barrierSequence;
});

/** Number of callbacks queued on each of this node's CPUs, in CPU order. */
const callbackCounts = defineHandler('rcu.callbackCounts', (node, _args: null): number[] =>
  node.allWords().map((words) => words.rcuCallbacks),
);

/** Count down the barrier's callbacks; the last wakes the task that waits. */
const barrierDone = defineHandler('rcu.barrierDone', (node, args: { waiter: number; by: number }, context): void => {
  const root = node.rcuRoot;
  root.barrierCount += args.by;
  if (root.barrierCount === 0) context.complete(args.waiter, 0);
});

/** rcu_barrier_func: queue the barrier callback on this CPU, behind everything queued so far. */
const barrierFunc = defineFunction('csd', 'rcu_barrier_func', function* rcuBarrierFunc(cpu, waiter) {
  yield* request(BOOT_NODE, barrierDone, { waiter, by: 1 });
  yield* call(enqueueBarrier, cpu, 'rcu_barrier_callback', waiter);
});

defineFunction('rcu', 'rcu_barrier_callback', function* rcuBarrierCallback(_cpu, waiter) {
  yield* request(BOOT_NODE, barrierDone, { waiter, by: -1 });
});

/**
 * rcu_barrier (4.10): returns when every callback queued before, on any CPU, has been invoked (RCU-5). One at a time
 * (RCU-6); a full barrier that began after this request serves it, too. Interrupts only CPUs that have callbacks.
 */
export function* rcuBarrier(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('rcu_barrier.requested');
  const snapshot = yield* request(BOOT_NODE, barrierSequence, { step: 0 });
  const served = Math.floor((snapshot + 3) / 2) * 2;
  yield* call(mutexLock, cpu, 'rcu_barrier_mutex');
  if ((yield* request(BOOT_NODE, barrierSequence, { step: 0 })) >= served) {
    yield* call(mutexUnlock, cpu, 'rcu_barrier_mutex');
    return;
  }
  cpu.counters.add('rcu_barrier.executed');
  const start = cpu.now();
  yield* request(BOOT_NODE, barrierSequence, { step: 1 });
  const waiter = cpu.newWaiter();
  yield* request(BOOT_NODE, barrierDone, { waiter, by: 1 });
  const counts = (yield* requestAll(cpu.allNodes, callbackCounts, null)).flat();
  for (const target of cpu.published.onlineCpus()) {
    if ((counts[target] ?? 0) > 0) yield* call(smpCallFunctionSingle, cpu, target, barrierFunc, waiter, true);
  }
  yield* request(BOOT_NODE, barrierDone, { waiter, by: -1 });
  yield* wait(waiter);
  yield* request(BOOT_NODE, barrierSequence, { step: 1 });
  cpu.durations.record('rcu_barrier', cpu.now() - start);
  yield* call(mutexUnlock, cpu, 'rcu_barrier_mutex');
}
