import { BOOT_NODE, type Coroutine, call, request, requestAll, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { getOnlineCpus, putOnlineCpus } from '../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { defineFunction, defineHandler } from '../registry.js';
import { smpCallFunctionSingle } from '../smp/call-function.js';
import { Trace } from '../tracepoints.js';
import { entrain, queueCallback } from './callbacks.js';
import { type Flavour, rcuFlavours } from './flavours.js';
import type { RcuData } from './state.js';

/** One barrier at a time per flavour. */
const MUTEXES = ['rcu_barrier_mutex', 'rcu_bh_barrier_mutex', 'rcu_preempt_barrier_mutex'] as const;

/** The barrier sequence of a flavour, as rcu_seq counts it: odd while a barrier runs. Lives on the boot node. */
const barrierSequence = defineHandler(
  'rcu.barrierSequence',
  (node, args: { flavour: Flavour; step: number }): number => {
    const root = node.rcuRoots.of(args.flavour);
    root.barrierSequence += args.step;
    return root.barrierSequence;
  },
);

/** Number of callbacks queued on each of this node's CPUs, in CPU order. */
export const callbackCounts = defineHandler('rcu.callbackCounts', (node, { flavour }: { flavour: Flavour }): number[] =>
  node.allWords().map((words) => words.rcuCallbacks(flavour)),
);

/** Count down a barrier's callbacks; the last wakes the task that waits. */
const barrierDone = defineHandler('rcu.barrierDone', (node, args: { waiter: number; by: number }, context): void => {
  const { barriers } = node.rcuRoots;
  const left = (barriers.get(args.waiter) ?? 0) + args.by;
  if (left > 0) {
    barriers.set(args.waiter, left);
    return;
  }
  barriers.delete(args.waiter);
  context.complete(args.waiter, 0);
});

/** The callback by which a barrier waits; its data is the waiter. */
export const BARRIER_CALLBACK = defineFunction(
  'rcu',
  'rcu_barrier_callback',
  function* rcuBarrierCallback(_cpu, waiter) {
    yield* request(BOOT_NODE, barrierDone, { waiter, by: -1 });
  },
);

/**
 * rcu_barrier_func: the barrier callback on this CPU, behind everything queued so far. To 4.19 it is a new callback like any
 * other and needs a grace period of its own; later it is invoked right after the last one, and not needed if there is none.
 */
for (const [number, name] of rcuFlavours.entries()) {
  defineFunction('csd', `rcu_barrier_func:${name}`, function* rcuBarrierFunc(cpu, waiter) {
    const data = cpu.rcu.of(number as Flavour);
    yield* request(BOOT_NODE, barrierDone, { waiter, by: 1 });
    if (cpu.build.policies.rcu.barrierCallback === 'queued') queueCallback(cpu, data, BARRIER_CALLBACK, waiter);
    else if (!entrain(cpu, data, BARRIER_CALLBACK, waiter)) {
      yield* request(BOOT_NODE, barrierDone, { waiter, by: -1 });
    }
  });
}

/** Queue a barrier callback on every CPU that has callbacks, and wait until all of them have run. */
function* queueAndWait(cpu: Cpu, { flavour }: RcuData): Coroutine<void> {
  const waiter = cpu.newWaiter();
  yield* request(BOOT_NODE, barrierDone, { waiter, by: 1 });
  yield* call(getOnlineCpus, cpu);
  const counts = (yield* requestAll(cpu.allNodes, callbackCounts, { flavour })).flat();
  for (const target of cpu.published.onlineCpus()) {
    if ((counts[target] ?? 0) === 0) continue;
    if (target !== cpu.id) cpu.counters.add('rcu_barrier.ipis');
    yield* call(smpCallFunctionSingle, cpu, target, `rcu_barrier_func:${rcuFlavours[flavour]}`, waiter, true);
  }
  yield* call(putOnlineCpus, cpu);
  yield* request(BOOT_NODE, barrierDone, { waiter, by: -1 });
  yield* wait(waiter);
}

/** What a barrier does while it holds the mutex; `rcu_barrier` is one of these. */
export function* executeBarrier(cpu: Cpu, data: RcuData): Coroutine<void> {
  const { flavour } = data;
  cpu.counters.add('rcu_barrier.executed');
  const start = cpu.now();
  yield* request(BOOT_NODE, barrierSequence, { flavour, step: 1 });
  cpu.trace(Trace.rcuBarrier, flavour, cpu.taskId, 1, 0);
  yield* call(queueAndWait, cpu, data);
  cpu.trace(Trace.rcuBarrier, flavour, cpu.taskId, 2, 0);
  yield* request(BOOT_NODE, barrierSequence, { flavour, step: 1 });
  cpu.durations.record('rcu_barrier', cpu.now() - start);
}

/** _rcu_barrier (4.10), rcu_barrier (5.2): unless a full barrier that began after this request has served it meanwhile. */
export function* lockAndExecute(cpu: Cpu, data: RcuData): Coroutine<void> {
  const { flavour } = data;
  const mutex = MUTEXES[flavour];
  const snapshot = yield* request(BOOT_NODE, barrierSequence, { flavour, step: 0 });
  const served = Math.floor((snapshot + 3) / 2) * 2;
  yield* call(mutexLock, cpu, mutex);
  if ((yield* request(BOOT_NODE, barrierSequence, { flavour, step: 0 })) >= served) {
    cpu.counters.add('rcu_barrier.piggybacked');
  } else yield* call(executeBarrier, cpu, data);
  yield* call(mutexUnlock, cpu, mutex);
}

function* barrier(cpu: Cpu, data: RcuData): Coroutine<void> {
  cpu.counters.add('rcu_barrier.requested');
  cpu.trace(Trace.rcuBarrier, data.flavour, cpu.taskId, 0, 0);
  yield* call(cpu.build.policies.rcu.barrier, cpu, data);
  cpu.trace(Trace.rcuBarrier, data.flavour, cpu.taskId, 3, 0);
}

/**
 * rcu_barrier: returns when every callback that was queued by call_rcu before, on any CPU, has been invoked (RCU-5). One at a
 * time (RCU-6). Interrupts only CPUs that have callbacks, and needs no grace period if there are none. With split flavours
 * it waits for none but its own.
 */
export function* rcuBarrier(cpu: Cpu): Coroutine<void> {
  yield* call(barrier, cpu, cpu.rcu.rcu);
}

/** rcu_barrier_sched (4.10). */
export function* rcuBarrierSched(cpu: Cpu): Coroutine<void> {
  yield* call(barrier, cpu, cpu.rcu.sched);
}

/** rcu_barrier_bh (4.10). */
export function* rcuBarrierBh(cpu: Cpu): Coroutine<void> {
  yield* call(barrier, cpu, cpu.rcu.bh);
}
