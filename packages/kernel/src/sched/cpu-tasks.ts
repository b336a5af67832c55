import type { Context } from '@kmemlab/machine';
import type { SyscallResult } from '../syscalls/table.js';
import type { TaskRecord } from './task.js';

/** Receives the result of each system call on a CPU. */
export type SyscallReturn = (task: TaskRecord, result: SyscallResult) => void;

/** What a user task is in the kernel for. */
interface SyscallInProgress {
  readonly task: TaskRecord;
  readonly done: SyscallReturn;
  readonly number: number;
}

/** Mostly there is one, and an array takes that better than a Set, which makes itself anew whenever it becomes empty. */
class Pids {
  private readonly pids: number[] = [];

  get size(): number {
    return this.pids.length;
  }

  add(pid: number): void {
    if (!this.pids.includes(pid)) this.pids.push(pid);
  }

  /** False if it is not among them. */
  delete(pid: number): boolean {
    const at = this.pids.indexOf(pid);
    if (at < 0) return false;
    const last = this.pids.pop() as number;
    if (at < this.pids.length) this.pids[at] = last;
    return true;
  }

  clear(): void {
    this.pids.length = 0;
  }
}

/** Who uses one CPU: tasks in the kernel there, running, runnable or asleep, and tasks in user mode. */
export class CpuTasks {
  /** Pids of the tasks that are in user mode. */
  readonly user = new Pids();
  private inKernel = 0;
  /** Waiter of the only task that is to be left in the kernel. */
  private aloneWaiter = 0;
  private syscallsBegun = 0;

  threadEnters(): void {
    this.inKernel++;
  }

  /** A user task comes with a system call. */
  syscallEnters(context: Context, task: TaskRecord, done: SyscallReturn): void {
    this.user.delete(task.pid);
    this.inKernel++;
    context.purpose = { task, done, number: ++this.syscallsBegun } satisfies SyscallInProgress;
  }

  /** A task has left the kernel. Answers with its system call if it was in one: it is in user mode now. */
  leaves(context: Context): SyscallInProgress | undefined {
    this.inKernel--;
    const syscall = syscallOf(context);
    if (syscall !== undefined) this.user.add(syscall.task.pid);
    return syscall;
  }

  /** True if more tasks than one are in the kernel: then `waiter` is to be completed when one is left. */
  tellWhenAlone(waiter: number): boolean {
    if (this.inKernel > 1) this.aloneWaiter = waiter;
    return this.inKernel > 1;
  }

  /** The waiter to be completed now; 0 if none. */
  takeAloneWaiter(): number {
    if (this.inKernel > 1) return 0;
    const waiter = this.aloneWaiter;
    this.aloneWaiter = 0;
    return waiter;
  }

  /** Number of the system call that a user task is in, counted on this CPU; 0 for a kernel thread. */
  syscallNumber(context: Context): number {
    return syscallOf(context)?.number ?? 0;
  }
}

const syscallOf = ({ purpose }: Context): SyscallInProgress | undefined => purpose as SyscallInProgress | undefined;
