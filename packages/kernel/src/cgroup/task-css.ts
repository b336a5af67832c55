import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../locking/spinlock.js';
import { isExiting, markExiting, setTask } from '../sched/task-struct.js';
import { cssGet, cssPut } from './css-ref.js';
import { adjustTasks, readCss } from './handlers.js';

/*
 * task->cgroups: which memcg a task is in. Every CPU reads it (`TaskTable`); it changes under css_set_lock. A task holds
 * a reference on its memory css until its task_struct goes, and counts in its cgroup until it exits.
 */

/**
 * cgroup_post_fork (4.10): the child joins the cgroup that its parent is in now. From here on it can be found by its pid.
 */
export function* cgroupPostFork(cpu: Cpu, parentPid: number, pid: number, task: Handle): Coroutine<void> {
  const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
  const memcg = cpu.published.tasks.memcgOf(parentPid);
  yield* call(cssGet, cpu, memcg);
  yield* call(countTask, memcg, 1);
  yield* call(setTask, cpu, pid, task, memcg);
  yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
}

/** cgroup_exit (4.10): the task leaves its cgroup and keeps the css. */
export function* cgroupExit(cpu: Cpu, pid: number, task: Handle): Coroutine<void> {
  const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
  const memcg = cpu.published.tasks.memcgOf(pid);
  yield* request(homeOf(task), markExiting, { task, memcg }, task);
  yield* call(countTask, memcg, -1);
  yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
}

/** cgroup_free (4.10): the reference of a task_struct that goes. Any context. */
export function* cgroupFree(cpu: Cpu, memcg: Handle): Coroutine<void> {
  if (memcg !== 0) yield* call(cssPut, cpu, memcg);
}

/**
 * css_set_move_task (4.10): the new css takes its reference before the old one drops it. What the task allocates from now
 * on is charged to the new memcg, also by a system call that it is in. An exiting task stays where it is. Caller holds
 * cgroup_mutex.
 */
export function* moveTask(cpu: Cpu, pid: number, task: Handle, to: Handle): Coroutine<void> {
  yield* call(cssGet, cpu, to);
  const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
  const stays = yield* request(homeOf(task), isExiting, { task }, task);
  const from = cpu.published.tasks.memcgOf(pid);
  if (!stays) {
    yield* call(countTask, to, 1);
    yield* call(setTask, cpu, pid, task, to);
    yield* call(countTask, from, -1);
  }
  yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
  yield* call(cssPut, cpu, stays ? to : from);
}

/** A task more or less in the cgroup of this memory css. */
function* countTask(memory: Handle, by: number): Coroutine<void> {
  const { self } = yield* request(homeOf(memory), readCss, { css: memory }, memory);
  yield* request(homeOf(self), adjustTasks, { self, by }, self);
}
