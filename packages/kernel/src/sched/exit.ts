import { type Coroutine, call, type Handle, homeOf, request, wait, work } from '@kmemlab/machine';
import { cgroupExit, cgroupFree } from '../cgroup/task-css.js';
import type { Cpu } from '../cpu.js';
import { dPut } from '../fs/dcache.js';
import { closeFile } from '../fs/file.js';
import { freeChargedPages } from '../mm/memcontrol/charge-page.js';
import { exitMmap } from '../mm/mmap.js';
import { freeRcu } from '../mm/slab-common/free-rcu.js';
import { freeObject } from '../mm/slab-common/objects.js';
import { Scalar } from '../published-state.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction } from '../registry.js';
import type { TaskRecord } from './task.js';
import { notifyParent, readTask, releaseTask, setTask, takeZombies, waitForChild } from './task-struct.js';

/**
 * do_exit (4.10) of a forked task: memory, files, directory, cgroup, in this order; then its parent is told. Until the
 * parent has waited, task_struct, stack, cred, pid, signal and sighand stay.
 */
export function* doExit(cpu: Cpu, task: TaskRecord): Coroutine<void> {
  yield* work(cpu.costs['task.exit']);
  const { own } = task;
  if (own === null) return;
  task.own = null;
  yield* call(exitMmap, cpu, task);
  yield* call(freeObject, cpu, own.mm);
  for (const fd of task.files.keys()) yield* call(closeFile, cpu, task, fd);
  yield* call(freeObject, cpu, own.files);
  if (task.cwd !== cpu.published.scalar(Scalar.rootDentry)) yield* call(dPut, cpu, task.cwd, false);
  yield* call(freeObject, cpu, own.fs);
  yield* call(cgroupExit, cpu, task.pid, task.self);
  yield* call(exitNotify, cpu, task.self);
}

/** exit_notify: children that have exited are released here; a task whose parent is gone releases itself. */
function* exitNotify(cpu: Cpu, self: Handle): Coroutine<void> {
  for (const child of yield* request(homeOf(self), takeZombies, { task: self }, self)) {
    yield* call(releaseProcess, cpu, child);
  }
  const { parent } = yield* request(homeOf(self), readTask, { task: self }, self);
  if (yield* request(homeOf(parent), notifyParent, { parent, child: self }, parent)) return;
  yield* call(releaseProcess, cpu, self);
}

/** do_wait: sleep until a child has exited, and release it. Evaluates to its pid, 0 if there is no child. Process context. */
export function* doWait(cpu: Cpu, self: Handle): Coroutine<number> {
  for (;;) {
    const waiter = cpu.newWaiter();
    const child = yield* request(homeOf(self), waitForChild, { task: self, waiter }, self);
    if (child === 0) {
      yield* wait(waiter);
      continue;
    }
    cpu.dropWaiter(waiter);
    return child < 0 ? 0 : yield* call(releaseProcess, cpu, child);
  }
}

/**
 * release_task (4.10): sighand goes at once; pid, and later task_struct with stack, signal and cred, through RCU on this
 * CPU. Evaluates to the pid.
 */
function* releaseProcess(cpu: Cpu, task: Handle): Coroutine<number> {
  const { pid, memory } = yield* request(homeOf(task), readTask, { task }, task);
  if (memory === null) return pid;
  yield* call(freeObject, cpu, memory.sighand);
  yield* call(setTask, cpu, pid, 0, 0);
  yield* call(freeRcu, cpu, 'delayed_put_pid', memory.pid);
  yield* call(callRcu, cpu, 'delayed_put_task_struct', task);
  return pid;
}

/** __put_task_struct: the cgroup's reference, cred (after another grace period), signal, stack, task_struct. */
defineFunction('rcu', 'delayed_put_task_struct', function* delayedPutTaskStruct(cpu, task) {
  const { memory, lastMemcg } = yield* request(homeOf(task), releaseTask, { task }, task);
  yield* call(cgroupFree, cpu, lastMemcg);
  if (memory === null) return;
  yield* call(freeRcu, cpu, 'put_cred_rcu', memory.cred);
  yield* call(freeObject, cpu, memory.signal);
  yield* call(freeChargedPages, cpu, memory.stack);
  yield* call(freeObject, cpu, memory.task);
});
