import type { Context } from './context.js';

const WAITERS_PER_CPU = 4096;

/** CPU that a waiter belongs to. */
export const cpuOfWaiter = (waiter: number): number => waiter % WAITERS_PER_CPU;

interface State {
  completed: boolean;
  value: number;
  context: Context | null;
}

/** The waiters of one CPU: each is made once, completed at most once, from anywhere, and waited for by one context. */
export class Waiters {
  private readonly states = new Map<number, State>();
  private made = 0;

  constructor(private readonly cpu: number) {}

  make(): number {
    const waiter = ++this.made * WAITERS_PER_CPU + this.cpu;
    this.states.set(waiter, { completed: false, value: 0, context: null });
    return waiter;
  }

  /** True once the waiter is completed, or dropped. */
  isCompleted(waiter: number): boolean {
    return this.states.get(waiter)?.completed ?? true;
  }

  drop(waiter: number): void {
    this.states.delete(waiter);
  }

  /** Complete a waiter. Answers with the context that waits for it, to be resumed with `value`; null if none does (yet). */
  complete(waiter: number, value: number): Context | null {
    const state = this.states.get(waiter);
    if (state === undefined || state.completed) return null;
    state.completed = true;
    state.value = value;
    if (state.context !== null) this.states.delete(waiter);
    return state.context;
  }

  /**
   * A context wants to wait: if the waiter is completed already, it is resumed with the value and true is returned; else
   * it is the one that completion will resume.
   */
  take(waiter: number, context: Context): boolean {
    const state = this.states.get(waiter);
    if (state === undefined) throw new Error(`waiter ${waiter} does not exist on CPU ${this.cpu}`);
    if (!state.completed) {
      state.context = context;
      return false;
    }
    this.states.delete(waiter);
    context.resume = state.value;
    return true;
  }
}
