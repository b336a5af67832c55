import type { Handle } from '@kmemlab/machine';

/** One CPU's counters of all percpu_refs in percpu mode; read by its node after the switch grace period. */
export class PercpuCounters {
  private readonly counts = new Map<Handle, number>();

  add(ref: Handle, n: number): void {
    const count = (this.counts.get(ref) ?? 0) + n;
    if (count === 0) this.counts.delete(ref);
    else this.counts.set(ref, count);
  }

  /** Read and drop the counter. */
  take(ref: Handle): number {
    const count = this.counts.get(ref) ?? 0;
    this.counts.delete(ref);
    return count;
  }
}
