/** The work in progress on each CPU: when it ends, and which of the reported ends still counts. */
export class WorkClocks {
  private readonly epochs: Int32Array;
  private readonly ends: Float64Array;

  constructor(cpus: number) {
    this.epochs = new Int32Array(cpus);
    this.ends = new Float64Array(cpus);
  }

  /** A CPU works until `end`. Answers with the epoch that the report of its end carries. */
  start(cpu: number, end: number): number {
    this.ends[cpu] = end;
    return this.nextEpoch(cpu);
  }

  /** The work is cut short; ns that were left of it. */
  interrupt(cpu: number, now: number): number {
    this.nextEpoch(cpu);
    return Math.max(0, (this.ends[cpu] as number) - now);
  }

  /** False for the end of work that was cut short. */
  counts(cpu: number, epoch: number): boolean {
    return epoch === this.epochs[cpu];
  }

  private nextEpoch(cpu: number): number {
    const epoch = (this.epochs[cpu] as number) + 1;
    this.epochs[cpu] = epoch;
    return epoch;
  }
}
