import type { Handle } from '@kmemlab/machine';

/** A work item at its home node. It must stay valid from queueing until its function starts (WQ-5). */
export interface WorkItem {
  /** Registered work function. */
  readonly fn: string;
  readonly data: number;
  /** Queued once only: nothing refers to the item when its function has started, so it goes then. */
  readonly once: boolean;
  pending: boolean;
  /** CPU of the bound pool it last ran in, or -1. */
  lastCpu: number;
}

export interface WorkqueueAttributes {
  readonly name: string;
  /**
   * Bound: the item runs on the CPU that queued it. Unbound: on any CPU of that CPU's node. Ordered: one item at a time in
   * the whole system, FIFO, on any CPU.
   */
  readonly type: 'bound' | 'unbound' | 'ordered';
  readonly maxActive: number;
}

interface Flusher {
  /** Complete the waiter when no item up to this sequence number is unfinished. */
  readonly last: number;
  readonly waiter: number;
}

/** A flush_workqueue that waits for a pool. */
export interface Flush {
  readonly waiter: number;
  /** Numbers of the tasks that execute what it waits for; empty if no worker has begun with it. */
  readonly workers: readonly number[];
}

/** An item in a pool, with its place in the order of queueing. */
export interface QueuedWork {
  readonly sequence: number;
  readonly work: Handle;
}

/**
 * One pool of one workqueue: the per-CPU pool of a bound queue, a node's pool of an unbound queue, or the only one of an ordered queue. Items start in the
 * order in which they were queued, at most `maxActive` at a time.
 */
export class WorkPool {
  private readonly parked: QueuedWork[] = [];
  private readonly unfinished = new Set<number>();
  /** Items being executed, each with the number of its worker's task and its place in the order. */
  private readonly running = new Map<Handle, { readonly worker: number; readonly sequence: number }>();
  private flushers: Flusher[] = [];
  /** Who waits for the end of one item's execution. */
  private cancellers: { readonly work: Handle; readonly waiter: number }[] = [];
  private sequence = 0;
  active = 0;
  /** CPU on which a worker of an unbound pool last ran, −1 before its first item. */
  workerCpu = -1;

  get busy(): boolean {
    return this.unfinished.size > 0;
  }

  insert(work: Handle): void {
    this.parked.push({ sequence: ++this.sequence, work });
    this.unfinished.add(this.sequence);
  }

  /**
   * Take the next item; from now on it counts as being executed, by the worker with this task number. An item that is being
   * executed is left to the worker that executes it, which finds it here afterwards (WQ-2).
   */
  next(worker = 0): QueuedWork | undefined {
    const place = this.parked.findIndex(({ work }) => !this.running.has(work));
    if (place < 0) return undefined;
    const [next] = this.parked.splice(place, 1);
    if (next !== undefined) this.running.set(next.work, { worker, sequence: next.sequence });
    return next;
  }

  /** Take an item that no worker has begun with off the list; answers with the waiters of the flushes that this completes, null if it is not there. */
  steal(work: Handle): number[] | null {
    const at = this.parked.findIndex((item) => item.work === work);
    const [item] = at < 0 ? [] : this.parked.splice(at, 1);
    return item === undefined ? null : this.settle(item.sequence);
  }

  /** Complete the waiter when the execution in progress of an item ends; answers false if there is none. */
  whenFinished(work: Handle, waiter: number): boolean {
    if (this.running.has(work)) this.cancellers.push({ work, waiter });
    return this.running.has(work);
  }

  /** The flushes that wait for this pool, each with the workers that execute an item of those it waits for. */
  get flushes(): readonly Flush[] {
    const running = [...this.running.values()];
    return this.flushers.map(({ waiter, last }) => ({
      waiter,
      workers: running.filter(({ sequence }) => sequence <= last).map(({ worker }) => worker),
    }));
  }

  isRunning(work: Handle): boolean {
    return this.running.has(work);
  }

  /** Note that an item has finished; answers with the waiters that this completes. */
  finish({ sequence, work }: QueuedWork): number[] {
    this.running.delete(work);
    const done = this.cancellers.filter((canceller) => canceller.work === work);
    if (done.length > 0) this.cancellers = this.cancellers.filter((canceller) => canceller.work !== work);
    return [...done.map(({ waiter }) => waiter), ...this.settle(sequence)];
  }

  private settle(sequence: number): number[] {
    this.unfinished.delete(sequence);
    if (this.flushers.length === 0) return [];
    const [oldest = Number.POSITIVE_INFINITY] = this.unfinished;
    const done = this.flushers.filter((flusher) => flusher.last < oldest);
    this.flushers = this.flushers.filter((flusher) => flusher.last >= oldest);
    return done.map((flusher) => flusher.waiter);
  }

  /** Complete `waiter` once everything queued so far has finished. */
  flush(waiter: number): void {
    this.flushers.push({ last: this.sequence, waiter });
  }
}
