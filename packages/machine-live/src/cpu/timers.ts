/** A timer of one CPU. */
export interface Timer {
  readonly id: number;
  /** Machine time, ns. */
  readonly at: number;
  readonly name: string;
  readonly data: number;
  readonly deferrable: boolean;
}

/** The timers of one CPU, soonest last. There are few, so a sorted array serves. */
export class Timers {
  private readonly pending: Timer[] = [];
  private made = 0;

  /** Returns the timer's id. */
  add(at: number, name: string, data: number, deferrable: boolean): number {
    const timer = { id: ++this.made, at, name, data, deferrable };
    let index = this.pending.length;
    while (index > 0 && (this.pending[index - 1] as Timer).at <= at) index--;
    this.pending.splice(index, 0, timer);
    return timer.id;
  }

  cancel(id: number): void {
    const index = this.pending.findIndex((timer) => timer.id === id);
    if (index >= 0) this.pending.splice(index, 1);
  }

  /** Time of the next timer, Infinity without one. */
  get next(): number {
    return this.pending[this.pending.length - 1]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Forget all of them, and tell what they were, the soonest first. */
  takeAll(): Timer[] {
    return this.pending.splice(0).reverse();
  }

  /** Take a timer whose time has come. */
  takeExpired(now: number): Timer | undefined {
    return this.next <= now ? this.pending.pop() : undefined;
  }
}
