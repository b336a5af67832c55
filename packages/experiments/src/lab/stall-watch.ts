import type { GracePeriodCounts, KernelWork } from './kernel-work.js';

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

/** How long the grace period of a flavour has been in progress that has lasted longest (RCU-10). Times in ns of machine time. */
export class GracePeriodWatch {
  private readonly flavours: { number: number; since: number }[] = [];

  /** Since when the same grace period has been seen in progress, the oldest if several are; `now` if none is. */
  inProgressSince(now: number, flavours: readonly GracePeriodCounts[]): number {
    return flavours.reduce((oldest, { begun, ended }, index) => {
      const seen = this.flavours[index];
      if (seen !== undefined && begun !== ended && begun === seen.number) return Math.min(oldest, seen.since);
      this.flavours[index] = { number: begun, since: now };
      return oldest;
    }, now);
  }
}
