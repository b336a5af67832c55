import { STALL_NS } from './kernel-work.js';

/** Notices when nothing gets on any more for as long as the kernel's own stall timeout. */
export class StallWatch {
  private progress = -1;
  private since = 0;

  /** A phase begins: time counts from here. `now` in ns of machine time. */
  reset(now: number): void {
    this.since = now;
  }

  /** True if there has been no progress for too long. */
  isStalled(now: number, progress: number): boolean {
    if (progress !== this.progress) {
      this.progress = progress;
      this.since = now;
    }
    return now - this.since > STALL_NS;
  }
}
