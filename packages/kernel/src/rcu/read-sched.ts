import type { Cpu } from '../cpu.js';
import { Trace } from '../tracepoints.js';

/** rcu_read_lock_sched: preempt_disable, where it is counted. */
export function rcuReadLockSched(cpu: Cpu): void {
  cpu.trace(Trace.rcuRead, cpu.rcu.sched.flavour, cpu.taskId, 1, 0);
  if (cpu.rcu.readLock !== 'nothing') cpu.preemptCount++;
}

/** rcu_read_unlock_sched. */
export function rcuReadUnlockSched(cpu: Cpu): void {
  cpu.trace(Trace.rcuRead, cpu.rcu.sched.flavour, cpu.taskId, 0, 0);
  if (cpu.rcu.readLock !== 'nothing') cpu.preemptCount--;
}
