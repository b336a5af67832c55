import type { KernelWork } from './kernel-work.js';

/** Notices when nothing gets on any more. Times in ns of machine time. */
export class StallWatch {
  private done = Number.NEGATIVE_INFINITY;
  private drained = Number.NEGATIVE_INFINITY;
  private since = 0;

  /** A phase begins: time counts from here. */
  reset(now: number): void {
    this.since = now;
  }

  /**
   * How long there has been no progress.
   * @param calls system calls that have returned
   */
  idleNs(now: number, calls: number, { done, drained }: KernelWork): number {
    const advanced = calls + done !== this.done;
    if (advanced || drained > this.drained) {
      this.done = calls + done;
      this.drained = advanced ? drained : Math.max(drained, this.drained);
      this.since = now;
    }
    return now - this.since;
  }
}

/** How long the grace period in progress has lasted (RCU-10). Times in ns of machine time. */
export class GracePeriodWatch {
  private number = 0;
  private since = 0;

  /** Since when the same grace period has been seen in progress; `now` if none is. */
  inProgressSince(now: number, { begun, ended }: { readonly begun: number; readonly ended: number }): number {
    if (begun === ended || begun !== this.number) {
      this.number = begun;
      this.since = now;
    }
    return this.since;
  }
}
