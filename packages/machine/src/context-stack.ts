import type { Context } from './context.js';

/**
 * What is on a CPU: the task in the kernel and the interrupts above it, each a context that knows the one below, and the
 * flags that say what may come on top.
 */
export abstract class ContextStack {
  /**
   * Number of times the interrupt flag changed: odd while interrupts are off. Two equal odd readings mean that the CPU
   * has stayed inside one interrupts-off region.
   */
  irqRegion = 0;
  /** preempt_count without the interrupt levels, which the context stack holds. */
  preemptCount = 0;
  /** The innermost context, which knows those below it; undefined if no kernel code is on the CPU. Only the core sets it. */
  current: Context | undefined = undefined;

  /** Interrupts are disabled (the CPU's IF flag, inverted). */
  get irqsOff(): boolean {
    return (this.irqRegion & 1) === 1;
  }

  set irqsOff(off: boolean) {
    if (off !== this.irqsOff) this.irqRegion++;
  }

  protected enterContext(context: Context): void {
    context.below = this.current;
    this.current = context;
  }

  protected leaveContext(): void {
    this.current = this.current?.below;
  }

  /** The task whose kernel code is on this CPU, below any interrupt. */
  get currentTask(): Context | undefined {
    let bottom = this.current;
    while (bottom?.below !== undefined) bottom = bottom.below;
    return bottom?.kind === 'task' ? bottom : undefined;
  }

  /** True in softirq or hardirq context. */
  get inInterrupt(): boolean {
    return (this.current?.kind ?? 'task') !== 'task';
  }

  /** In an interrupt: it came while the CPU was in user mode or idle. */
  get interruptsUser(): boolean {
    return this.current?.below === undefined;
  }

  /** A softirq is in progress on the CPU, perhaps below an interrupt. */
  get inSoftirq(): boolean {
    let context = this.current;
    while (context !== undefined && context.kind !== 'softirq') context = context.below;
    return context !== undefined;
  }

  /** Code that must not block: interrupts or preemption off, or interrupt context. */
  get atomic(): boolean {
    return this.irqsOff || this.preemptCount > 0 || this.inInterrupt;
  }
}
