/**
 * One order of the beginnings of calls and of the publications of array sets; and for each CPU the latest beginning of a
 * waiting call that it has answered. What was unpublished before that beginning is not in this CPU's hands any more.
 */
export class AnsweredCalls {
  private clock = 0;
  private readonly latest: Float64Array;

  constructor(cpuCount: number) {
    this.latest = new Float64Array(cpuCount);
  }

  /** The next place in the order. */
  next(): number {
    return ++this.clock;
  }

  /** A waiting call that began at this place has returned; the CPU was one of its targets. */
  answered(cpu: number, began: number): void {
    if (began > (this.latest[cpu] as number)) this.latest[cpu] = began;
  }

  /** The CPU has answered a call that began after this place. */
  hasAnsweredSince(cpu: number, place: number): boolean {
    return (this.latest[cpu] as number) > place;
  }
}
