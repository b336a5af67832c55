import { type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import { cgroupPostFork } from '../cgroup/task-css.js';
import type { Cpu } from '../cpu.js';
import { dGet } from '../fs/dcache.js';
import { allocChargedPages, type ChargedPages, freeChargedPages } from '../mm/memcontrol/charge-page.js';
import { dupMmap, exitMmap } from '../mm/mmap.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { freeObject, takeObject } from '../mm/slab-common/objects.js';
import { Scalar } from '../published-state.js';
import { noFiles, type TaskRecord } from './task.js';
import { addChild, allocateTask, nextPid } from './task-struct.js';

/** THREAD_SIZE_ORDER on x86-64: 16 KB. */
const STACK_ORDER = 2;

/** What copy_process takes from caches, in its order; mm_struct's areas come between the mm and the pid. */
const CACHES = [
  'task_struct',
  'cred_jar',
  'files_cache',
  'fs_cache',
  'sighand_cache',
  'signal_cache',
  'mm_struct',
  'pid',
] as const;

type Taken = Record<(typeof CACHES)[number], Allocation>;

/**
 * copy_process (4.10): a child of the running task, whose memcg pays for everything. Its files are not inherited: a child
 * begins without open files. The child is in its parent's cgroup and directory. Evaluates to null if memory is denied.
 */
export function* copyProcess(cpu: Cpu, parent: TaskRecord, name: string): Coroutine<TaskRecord | null> {
  yield* work(cpu.costs['task.fork']);
  const child: TaskRecord = {
    ...{ pid: yield* call(nextPid), name, session: parent.session, self: 0, cwd: parent.cwd, forked: null },
    ...{ ...noFiles(), areas: {}, nextArea: parent.nextArea, anons: {}, nextAnon: 1, own: null },
  };
  const taken: Partial<Taken> = {};
  const stack = yield* call(dupTaskStruct, cpu, parent, child, taken);
  if (stack === null) {
    yield* call(giveUp, cpu, child, taken);
    return null;
  }
  yield* call(join, cpu, parent, child, taken as Taken, stack);
  return child;
}

/** Everything that can fail. Evaluates to the kernel stack, null if memory is denied. */
function* dupTaskStruct(
  cpu: Cpu,
  parent: TaskRecord,
  child: TaskRecord,
  taken: Partial<Taken>,
): Coroutine<ChargedPages | null> {
  const stack = yield* call(allocChargedPages, cpu, STACK_ORDER, 'kernel_stack');
  if (stack === null) return null;
  let complete = true;
  for (const cache of CACHES) {
    complete &&= cache !== 'pid' || (yield* call(dupMmap, cpu, parent, child));
    const object = complete ? yield* call(takeObject, cpu, cache) : null;
    if (object === null) break;
    taken[cache] = object;
  }
  if (taken.pid !== undefined) return stack;
  yield* call(freeChargedPages, cpu, stack);
  return null;
}

/** The error path of copy_process. */
function* giveUp(cpu: Cpu, child: TaskRecord, taken: Partial<Taken>): Coroutine<void> {
  yield* call(exitMmap, cpu, child);
  for (const object of Object.values(taken).reverse()) yield* call(freeObject, cpu, object);
}

/** The child becomes visible: among its parent's children, by pid, and in its cgroup. */
function* join(cpu: Cpu, parent: TaskRecord, child: TaskRecord, taken: Taken, stack: ChargedPages): Coroutine<void> {
  child.own = { mm: taken.mm_struct, files: taken.files_cache, fs: taken.fs_cache };
  const memory = {
    ...{ task: taken.task_struct, cred: taken.cred_jar, pid: taken.pid, stack },
    ...{ sighand: taken.sighand_cache, signal: taken.signal_cache },
  };
  child.self = yield* request(cpu.node, allocateTask, { pid: child.pid, parent: parent.self, memory });
  yield* request(homeOf(parent.self), addChild, { parent: parent.self, child: child.self }, parent.self);
  yield* call(keepDirectory, cpu, child);
  yield* call(cgroupPostFork, cpu, parent.pid, child.pid, child.self);
}

/** copy_fs: the child holds the directory, too. One that was removed meanwhile has no use for it. */
function* keepDirectory(cpu: Cpu, child: TaskRecord): Coroutine<void> {
  const root: Handle = cpu.published.scalar(Scalar.rootDentry);
  if (child.cwd !== root && !(yield* call(dGet, child.cwd))) child.cwd = root;
}
