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

/** Who uses one CPU: tasks in the kernel there, running, runnable or asleep, and tasks in user mode. */
export class CpuTasks {
  /** Pids of the tasks that are in user mode. */
  readonly user = new Set<number>();
  private inKernel = 0;
  /** Waiter of the only task that is to be left in the kernel. */
  private aloneWaiter = 0;
  private readonly syscalls = new Map<Context, SyscallInProgress>();
  private syscallsBegun = 0;

  threadEnters(): void {
    this.inKernel++;
  }

  /** A user task comes with a system call. */
  syscallEnters(context: Context, task: TaskRecord, done: SyscallReturn): void {
    this.user.delete(task.pid);
    this.inKernel++;
    this.syscalls.set(context, { task, done, number: ++this.syscallsBegun });
  }

  /** A task has left the kernel. Answers with its system call if it was in one: it is in user mode now. */
  leaves(context: Context): SyscallInProgress | undefined {
    this.inKernel--;
    const syscall = this.syscalls.get(context);
    if (syscall === undefined) return undefined;
    this.syscalls.delete(context);
    this.user.add(syscall.task.pid);
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
    return this.syscalls.get(context)?.number ?? 0;
  }
}
