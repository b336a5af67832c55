/** A callback queued by call_rcu: plain data, so that it can move to another CPU. */
export interface RcuHead {
  /** Registered function that is called with `data`. */
  readonly fn: string;
  readonly data: number;
  /** Its place among the callbacks that its CPU has queued, and that CPU: unique in the machine. */
  readonly serial: number;
  /** kfree_rcu: the callback only frees. */
  readonly lazy: boolean;
}

/** Callbacks that may run once the grace period `gp` has completed. */
interface Segment {
  gp: number;
  readonly heads: RcuHead[];
}

/** Callbacks of a CPU that goes down: those that may run, and the others, both in their order. */
export interface TakenCallbacks {
  readonly done: readonly RcuHead[];
  readonly waiting: readonly RcuHead[];
}

/**
 * The segmented list of one CPU and flavour, in queue order: DONE, WAIT, NEXT_READY, NEXT. Callbacks in WAIT and NEXT_READY
 * have the number of the grace period they wait for, those in NEXT not yet. Source: struct rcu_data, 4.10; rcu_segcblist, 5.2.
 */
export class RcuCallbackList {
  private done: RcuHead[] = [];
  private readonly wait: Segment = { gp: 0, heads: [] };
  private readonly nextReady: Segment = { gp: 0, heads: [] };
  private readonly next: RcuHead[] = [];

  /** Callbacks that may be invoked now. */
  get ready(): number {
    return this.done.length;
  }

  /** Callbacks without a grace-period number. */
  get unnumbered(): number {
    return this.next.length;
  }

  get isEmpty(): boolean {
    return this.ready + this.wait.heads.length + this.nextReady.heads.length + this.unnumbered === 0;
  }

  add(head: RcuHead): void {
    this.next.push(head);
  }

  /**
   * Put a callback behind the last one, to be invoked right after it; behind those that are being invoked if there is no other
   * (rcu_segcblist_entrain, 5.2).
   */
  entrain(head: RcuHead): void {
    const last = [this.next, this.nextReady.heads, this.wait.heads].find(({ length }) => length > 0);
    (last ?? this.done).push(head);
  }

  /** Callbacks whose grace period has completed may run now (rcu_advance_cbs). */
  advance(completed: number): void {
    for (const { gp, heads } of [this.wait, this.nextReady]) {
      if (heads.length > 0 && gp <= completed) this.done.push(...heads.splice(0));
    }
    if (this.wait.heads.length > 0 || this.nextReady.heads.length === 0) return;
    this.wait.gp = this.nextReady.gp;
    this.wait.heads.push(...this.nextReady.heads.splice(0));
  }

  /**
   * The first `count` callbacks without a number wait for grace period `gp`, which starts after they were queued; with them
   * those that would have waited for a later one (rcu_accelerate_cbs). They stay as they are if both segments wait for
   * earlier ones.
   */
  accelerate(count: number, gp: number): void {
    const { wait, nextReady, next } = this;
    const taken = Math.min(count, next.length);
    if (taken === 0) return;
    if (wait.heads.length === 0 || wait.gp >= gp) {
      wait.gp = gp;
      wait.heads.push(...nextReady.heads.splice(0), ...next.splice(0, taken));
    } else if (nextReady.heads.length === 0 || nextReady.gp >= gp) {
      nextReady.gp = gp;
      nextReady.heads.push(...next.splice(0, taken));
    }
  }

  /** Take out the first callbacks that may run. */
  takeReady(most: number): RcuHead[] {
    return this.done.splice(0, most);
  }

  /** Take out everything. */
  takeAll(): TakenCallbacks {
    const waiting = [...this.wait.heads.splice(0), ...this.nextReady.heads.splice(0), ...this.next.splice(0)];
    return { done: this.done.splice(0), waiting };
  }

  /** Callbacks of a CPU that has gone down: what may run goes behind what may run here, the rest behind everything. */
  adopt({ done, waiting }: TakenCallbacks): void {
    this.done.push(...done);
    this.next.push(...waiting);
  }

  /** Every callback with the grace period that it waits for: 0 if it may run, infinity if that is not known yet. */
  *all(): IterableIterator<{ readonly head: RcuHead; readonly gp: number }> {
    const { done, wait, nextReady, next } = this;
    for (const head of done) yield { head, gp: 0 };
    for (const { gp, heads } of [wait, nextReady]) for (const head of heads) yield { head, gp };
    for (const head of next) yield { head, gp: Number.POSITIVE_INFINITY };
  }
}
