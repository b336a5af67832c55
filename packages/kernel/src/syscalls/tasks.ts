import { type Coroutine, call, homeOf, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { ENOMEM, ESRCH } from '../fs/types.js';
import { rcuReadLock, rcuReadUnlock } from '../rcu/read.js';
import { doExit, doWait } from '../sched/exit.js';
import { copyProcess } from '../sched/fork.js';
import type { TaskRecord } from '../sched/task.js';
import { awaitSignal, signalTask } from '../sched/task-struct.js';

const ECHILD = -10;

/** fork(2). The child's record goes to the caller's agent with the task; its program begins there. Evaluates to the child's pid. */
export function* sysFork(cpu: Cpu, task: TaskRecord, name: string): Coroutine<number> {
  task.forked = yield* call(copyProcess, cpu, task, name);
  return task.forked?.pid ?? ENOMEM;
}

/** exit(2), of a forked task. */
export function* sysExit(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* call(doExit, cpu, task);
  return 0;
}

/** wait(2): for any child. Evaluates to the pid of one that has exited, or -ECHILD. */
export function* sysWait(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  return (yield* call(doWait, cpu, task.self)) || ECHILD;
}

/** pause(2): sleep until a signal comes; one that came before counts. */
export function* sysPause(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  const waiter = cpu.newWaiter();
  const { self } = task;
  if (yield* request(homeOf(self), awaitSignal, { task: self, waiter }, self)) cpu.dropWaiter(waiter);
  else yield* wait(waiter);
  return 0;
}

/** kill(2), with a signal that is queued: wake a task from this pause, or from the next. */
export function* sysKill(cpu: Cpu, _task: TaskRecord, pid: number): Coroutine<number> {
  rcuReadLock(cpu);
  const target = cpu.published.tasks.taskOf(pid);
  const found = target !== 0 && (yield* call(signalTask, target));
  rcuReadUnlock(cpu);
  return found ? 0 : ESRCH;
}
