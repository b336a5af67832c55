import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { ChargedPages } from '../mm/memcontrol/charge-page.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { rootMemcg } from '../published-state.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from './task.js';

/** Slab objects and pages of a forked task that its reaper gives back. */
export interface TaskMemory {
  readonly task: Allocation;
  /** The kernel stack. */
  readonly stack: ChargedPages;
  readonly cred: Allocation;
  readonly sighand: Allocation;
  readonly signal: Allocation;
  readonly pid: Allocation;
}

/** task_struct at its home: what other tasks touch of a task. Family relations are under tasklist_lock. */
export interface TaskStruct {
  readonly pid: number;
  /** 0 for a task that was not forked in the model. */
  readonly parent: Handle;
  /** Null for such a task. */
  readonly memory: TaskMemory | null;
  /** Children that have not been reaped; of them those that have exited. */
  readonly children: Set<Handle>;
  readonly zombies: Handle[];
  /** Waiter of a task that waits for a child, or for a signal; 0 if none. */
  childWaiter: number;
  signalWaiter: number;
  /** Signals that came and have not been waited for. None merges with another, as with those of real time. */
  signals: number;
  /** PF_EXITING. */
  exiting: boolean;
  /** Memory css that an exiting task keeps until its task_struct goes. */
  lastMemcg: Handle;
}

/** Pids up to here belong to the tasks that experiments start. */
const LAST_GIVEN_PID = 4095;

const allocPid = defineHandler('pid.alloc', (node, _args: null): number => LAST_GIVEN_PID + ++node.forks);

export const allocateTask = defineHandler(
  'task.allocate',
  (node, { pid, parent, memory }: Pick<TaskStruct, 'pid' | 'parent' | 'memory'>): Handle =>
    node.tasks.allocate({
      pid,
      parent,
      memory,
      children: new Set(),
      zombies: [],
      childWaiter: 0,
      signalWaiter: 0,
      signals: 0,
      exiting: false,
      lastMemcg: 0,
    }),
);

const publishTask = defineHandler('task.publish', (node, args: { pid: number; task: Handle; memcg: Handle }): void => {
  node.published.tasks.write(args.pid, args.task, args.memcg);
});

/** Make a task, or what has become of it, readable on every CPU. */
export function* setTask(cpu: Cpu, pid: number, task: Handle, memcg: Handle): Coroutine<void> {
  yield* requestAll(cpu.allNodes, publishTask, { pid, task, memcg });
}

/** A task that was not forked enters the kernel for the first time: from now on others can find it. */
export function* adoptTask(cpu: Cpu, task: TaskRecord): Coroutine<void> {
  const { pid } = task;
  task.self = yield* request(cpu.node, allocateTask, { pid, parent: 0, memory: null });
  yield* call(setTask, cpu, pid, task.self, rootMemcg(cpu.published));
}

export const isExiting = defineHandler(
  'task.isExiting',
  (node, args: { task: Handle }, context): boolean => node.tasks.get(args.task, context.step).exiting,
);

/** PF_EXITING; the css stays the task's until its task_struct goes. */
export const markExiting = defineHandler(
  'task.markExiting',
  (node, args: { task: Handle; memcg: Handle }, context): void => {
    const task = node.tasks.get(args.task, context.step);
    task.exiting = true;
    task.lastMemcg = args.memcg;
  },
);

export const addChild = defineHandler(
  'task.addChild',
  (node, args: { parent: Handle; child: Handle }, context): void => {
    node.tasks.get(args.parent, context.step).children.add(args.child);
  },
);

/** do_notify_parent: false if nobody will wait for the child, because its parent has exited. */
export const notifyParent = defineHandler(
  'task.notifyParent',
  (node, args: { parent: Handle; child: Handle }, context): boolean => {
    const parent = node.tasks.peek(args.parent);
    if (parent === undefined || parent.exiting) return false;
    parent.zombies.push(args.child);
    if (parent.childWaiter !== 0) context.complete(parent.childWaiter, 0);
    parent.childWaiter = 0;
    return true;
  },
);

/** One look of do_wait: an exited child, which is the caller's to release; 0 if none has exited yet; −1 if there is none. */
export const waitForChild = defineHandler(
  'task.waitForChild',
  (node, args: { task: Handle; waiter: number }, context): Handle => {
    const task = node.tasks.get(args.task, context.step);
    const child = task.zombies.shift();
    if (child !== undefined) {
      task.children.delete(child);
      return child;
    }
    if (task.children.size === 0) return -1;
    task.childWaiter = args.waiter;
    return 0;
  },
);

/** forget_original_parent: answers with the exited children; those alive are nobody's any more. */
export const takeZombies = defineHandler('task.takeZombies', (node, args: { task: Handle }, context): Handle[] =>
  node.tasks.get(args.task, context.step).zombies.splice(0),
);

/** send_signal: false if the task has exited. */
const sendSignal = defineHandler('task.signal', (node, args: { task: Handle }, context): boolean => {
  const task = node.tasks.peek(args.task);
  if (task === undefined || task.exiting) return false;
  if (task.signalWaiter === 0) task.signals++;
  else context.complete(task.signalWaiter, 0);
  task.signalWaiter = 0;
  return true;
});

/** kill(2): false if the task has exited. */
export function* signalTask(task: Handle): Coroutine<boolean> {
  return yield* request(homeOf(task), sendSignal, { task }, task);
}

/** Answers true if a signal has come already. */
export const awaitSignal = defineHandler(
  'task.awaitSignal',
  (node, args: { task: Handle; waiter: number }, context): boolean => {
    const task = node.tasks.get(args.task, context.step);
    const pending = task.signals > 0;
    if (pending) task.signals--;
    else task.signalWaiter = args.waiter;
    return pending;
  },
);

export const readTask = defineHandler(
  'task.read',
  (node, args: { task: Handle }, context): Pick<TaskStruct, 'pid' | 'parent' | 'memory'> => {
    const { pid, parent, memory } = node.tasks.get(args.task, context.step);
    return { pid, parent, memory };
  },
);

/** free_task: answers with what is still to be given back. */
export const releaseTask = defineHandler(
  'task.free',
  (node, args: { task: Handle }, context): Pick<TaskStruct, 'memory' | 'lastMemcg'> => {
    const { memory, lastMemcg } = node.tasks.release(args.task, context.step());
    return { memory, lastMemcg };
  },
);

/** alloc_pid: the next number. */
export function* nextPid(): Coroutine<number> {
  return yield* request(BOOT_NODE, allocPid, null);
}
