import type { Context } from './context.js';
import { MAX_CPUS } from './topology.js';

/** CPU that a waiter belongs to. */
export const cpuOfWaiter = (waiter: number): number => waiter % MAX_CPUS;

/** No waiter has this number. */
const NONE = -1;

interface State {
  completed: boolean;
  value: number;
  context: Context | null;
}

/** The waiters of one CPU: each is made once, completed at most once, from anywhere, and waited for by one context. */
export class Waiters {
  /** The waiter made last, which is mostly the only one; the others, in the order of making, are in `older`. */
  private readonly newest: State & { waiter: number } = { waiter: NONE, completed: false, value: 0, context: null };
  private readonly older = new Map<number, State>();
  private made = 0;

  constructor(private readonly cpu: number) {}

  make(): number {
    const { newest } = this;
    const { waiter, completed, value, context } = newest;
    if (waiter !== NONE) this.older.set(waiter, { completed, value, context });
    newest.waiter = ++this.made * MAX_CPUS + this.cpu;
    newest.completed = false;
    newest.context = null;
    return newest.waiter;
  }

  private stateOf(waiter: number): State | undefined {
    return waiter === this.newest.waiter ? this.newest : this.older.get(waiter);
  }

  /** True once the waiter is completed, or dropped. */
  isCompleted(waiter: number): boolean {
    return this.stateOf(waiter)?.completed ?? true;
  }

  drop(waiter: number): void {
    if (waiter === this.newest.waiter) this.newest.waiter = NONE;
    else this.older.delete(waiter);
  }

  /** Who waits for what: each waiter that is not completed and for which a context waits. */
  *waiting(): IterableIterator<[waiter: number, context: Context]> {
    for (const [waiter, { completed, context }] of this.older) {
      if (!completed && context !== null) yield [waiter, context];
    }
    const { waiter, completed, context } = this.newest;
    if (waiter !== NONE && !completed && context !== null) yield [waiter, context];
  }

  /** Complete a waiter. Answers with the context that waits for it, to be resumed with `value`; null if none does (yet). */
  complete(waiter: number, value: number): Context | null {
    const state = this.stateOf(waiter);
    if (state === undefined || state.completed) return null;
    state.completed = true;
    state.value = value;
    if (state.context !== null) this.drop(waiter);
    return state.context;
  }

  /**
   * A context wants to wait: if the waiter is completed already, it is resumed with the value and true is returned; else
   * it is the one that completion will resume.
   */
  take(waiter: number, context: Context): boolean {
    const state = this.stateOf(waiter);
    if (state === undefined) throw new Error(`waiter ${waiter} does not exist on CPU ${this.cpu}`);
    if (!state.completed) {
      state.context = context;
      return false;
    }
    this.drop(waiter);
    context.resume = state.value;
    return true;
  }
}
