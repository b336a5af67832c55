import { type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { ENODEV } from '../fs/types.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../locking/spinlock.js';
import type { TaskRecord } from '../sched/task.js';
import { cssGet, cssPut } from './css-ref.js';
import { adjustTasks, isLive, readCss } from './handlers.js';
import type { CssPair } from './types.js';

/**
 * cgroup_attach_task (4.10): move one task into a cgroup, under cgroup_mutex; its css set changes under css_set_lock. The
 * new one takes its references before the old one drops them. What the task allocates from now on is charged to the new memcg.
 * Evaluates to 0, or -ENODEV if the cgroup is gone.
 */
export function* cgroupAttachTask(cpu: Cpu, task: TaskRecord, to: CssPair): Coroutine<number> {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  const live = yield* request(homeOf(to.self), isLive, { self: to.self }, to.self);
  if (live) yield* call(migrate, cpu, task, to);
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  return live ? 0 : ENODEV;
}

function* migrate(cpu: Cpu, task: TaskRecord, to: CssPair): Coroutine<void> {
  yield* work(cpu.costs['cgroup.attach']);
  const from = task.memcg;
  if (from !== to.memory) {
    yield* call(cssGet, cpu, to.memory);
    const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
    yield* request(homeOf(to.self), adjustTasks, { self: to.self, by: 1 }, to.self);
    task.memcg = to.memory;
    yield* call(leave, from);
    yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
    yield* call(cssPut, cpu, from);
  }
}

function* leave(memory: Handle): Coroutine<void> {
  const { self } = yield* request(homeOf(memory), readCss, { css: memory }, memory);
  yield* request(homeOf(self), adjustTasks, { self, by: -1 }, self);
}
