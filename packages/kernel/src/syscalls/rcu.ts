import { type Coroutine, call, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EINVAL } from '../fs/types.js';
import { rcuBarrier, rcuBarrierSched } from '../rcu/barrier.js';
import { callRcu, callRcuSched } from '../rcu/callbacks.js';
import { synchronizeRcuExpedited, synchronizeSchedExpedited } from '../rcu/expedited.js';
import { rcuReadLock, rcuReadUnlock } from '../rcu/read.js';
import { rcuReadLockSched, rcuReadUnlockSched } from '../rcu/read-sched.js';
import { synchronizeRcu, synchronizeSched } from '../rcu/synchronize.js';
import { defineFunction } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';

/** What a callback of lab_rcu does: be invoked. */
const labCallback = defineFunction('rcu', 'lab_rcu_callback', function* labRcuCallback(cpu) {
  yield* work(cpu.costs['list.step']);
});

/** A read section with another one in it, of so many ns in all. */
function* read(cpu: Cpu, ns: number): Coroutine<void> {
  rcuReadLock(cpu);
  yield* work(ns);
  rcuReadLock(cpu);
  yield* work(ns);
  rcuReadUnlock(cpu);
  rcuReadUnlock(cpu);
}

function* readSched(cpu: Cpu, ns: number): Coroutine<void> {
  rcuReadLockSched(cpu);
  yield* work(ns);
  rcuReadUnlockSched(cpu);
}

/** What lab_rcu can do, by name. `value` is the length of a read section in ns, or tells a callback from all others. */
const operations: Readonly<Record<string, (cpu: Cpu, value: number) => Coroutine<void>>> = {
  read,
  read_sched: readSched,
  call: (cpu, value) => callRcu(cpu, labCallback, value),
  call_sched: (cpu, value) => callRcuSched(cpu, labCallback, -value),
  synchronize: synchronizeRcu,
  synchronize_sched: synchronizeSched,
  expedited: synchronizeRcuExpedited,
  expedited_sched: synchronizeSchedExpedited,
  barrier: rcuBarrier,
  barrier_sched: rcuBarrierSched,
};

/** Not a system call of Linux: one use of RCU, for the experiment that tortures it. */
export function* labRcu(cpu: Cpu, _task: TaskRecord, name: string, value: number): Coroutine<number> {
  const operation = operations[name];
  if (operation === undefined) return EINVAL;
  yield* call(operation, cpu, value);
  return 0;
}
