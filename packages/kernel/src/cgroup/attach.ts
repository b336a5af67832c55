import { type Coroutine, call, homeOf, request, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { ENODEV, ESRCH } from '../fs/types.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { rcuReadLock, rcuReadUnlock } from '../rcu/read.js';
import { isLive } from './handlers.js';
import { moveTask } from './task-css.js';
import type { CssPair } from './types.js';

/**
 * __cgroup_procs_write and cgroup_attach_task (4.10): move a task, found by its pid, into a cgroup, under cgroup_mutex. The
 * write side of cgroup_threadgroup_rwsem costs no grace period: since cgroup_init its readers take the slow path.
 * Evaluates to 0, -ENODEV if the cgroup is gone, or -ESRCH.
 */
export function* cgroupAttachTask(cpu: Cpu, pid: number, to: CssPair): Coroutine<number> {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  const live = yield* request(homeOf(to.self), isLive, { self: to.self }, to.self);
  const result = live ? yield* call(attach, cpu, pid, to) : ENODEV;
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  return result;
}

/** The read section keeps the task_struct, where the kernel takes a reference. */
function* attach(cpu: Cpu, pid: number, to: CssPair): Coroutine<number> {
  const { tasks } = cpu.published;
  yield* work(cpu.costs['cgroup.attach']);
  rcuReadLock(cpu);
  const task = tasks.taskOf(pid);
  if (task !== 0 && tasks.memcgOf(pid) !== to.memory) yield* call(moveTask, cpu, pid, task, to.memory);
  rcuReadUnlock(cpu);
  return task === 0 ? ESRCH : 0;
}
