/**
 * One order of the beginnings of calls and of the publications of array sets, and the latest beginning of a waiting call
 * to all other CPUs that has returned. What was unpublished before that beginning is in no CPU's hands any more (SLAB-4).
 */
export class FullCalls {
  private clock = 0;
  private latest = 0;

  /** The next place in the order. */
  next(): number {
    return ++this.clock;
  }

  completed(began: number): void {
    if (began > this.latest) this.latest = began;
  }

  /** A full call that began after this place has returned. */
  completedSince(place: number): boolean {
    return this.latest > place;
  }
}
