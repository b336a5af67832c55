import type { Context } from '@kmemlab/machine';

/** One CPU's runnable tasks. Kernel threads run before returning system calls; within a class the queue is FIFO. */
export class RunQueue {
  private readonly kernel: Context[] = [];
  private readonly user: Context[] = [];
  /** Task that ran last, to see whether picking another is a context switch. */
  lastTask = 0;
  /** Ticks since then. */
  ticks = 0;

  enqueue(context: Context): void {
    (context.taskId < 0 ? this.kernel : this.user).push(context);
  }

  dequeue(): Context | undefined {
    return this.kernel.shift() ?? this.user.shift();
  }

  /** Everything that waits for the CPU, in the order in which it will run. */
  get runnable(): readonly Context[] {
    return [...this.kernel, ...this.user];
  }

  get length(): number {
    return this.kernel.length + this.user.length;
  }
}
