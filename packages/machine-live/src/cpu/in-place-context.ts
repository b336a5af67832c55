import type { Handler, HandlerContext, Step } from '@kmemlab/machine';
import type { CpuThread } from './cpu-thread.js';

/** The context of an atomic handler that a CPU runs in place, in memory of its own node. */
export class InPlaceContext implements HandlerContext {
  constructor(private readonly thread: CpuThread) {}

  get now(): number {
    return this.thread.time();
  }

  get cpu(): number {
    return this.thread.cpu.id;
  }

  get taskId(): number {
    return this.thread.cpu.taskId;
  }

  post<N, A>(home: number, handler: Handler<N, A, unknown>, args: A): void {
    this.thread.outbox.post(home, handler as never, args);
  }

  complete(waiter: number, value: number): void {
    this.thread.outbox.complete(waiter, value);
  }

  raise(cpu: number, vector: number): void {
    this.thread.outbox.raise(cpu, vector);
  }

  wakeThread(): void {
    throw new Error('an atomic handler wakes no threads');
  }

  charge(): void {}

  readonly step = (): Step => this.thread.cpu.step();
}
