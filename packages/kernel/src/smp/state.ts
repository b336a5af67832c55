/** Per-CPU state of cross-CPU calls that only the CPU itself touches. Source: cfd_data and csd_data, kernel/smp.c 4.10. */
export class SmpState {
  /** Waiter of the csd for each target in the last mask call, 0 before the first; the csd is locked until it completes. */
  readonly cfd: Float64Array;
  /** Waiter of this CPU's csd for asynchronous single calls. */
  csdData = 0;
  /** Target of each single call whose csd is in use, by its waiter. */
  readonly singles = new Map<number, number>();
  /** When the last single call had been handed to the target, ns. */
  sentAt = 0;
  /** Cross-CPU calls begun by this CPU. */
  calls = 0;

  constructor(cpuCount: number) {
    this.cfd = new Float64Array(cpuCount);
  }

  /** The CPU that has to release the csd that this waiter stands for; −1 if it stands for none. */
  targetOf(waiter: number): number {
    return this.singles.get(waiter) ?? this.cfd.indexOf(waiter);
  }
}

/** Times per target. */
const TIMES = 3;

/** When a target took and finished the last synchronous csd of each sender–target pair; ns. Written by the target's acknowledgement. */
export class CallTimes {
  /** Words that the times take on a machine of so many CPUs. */
  static words(cpuCount: number): number {
    return TIMES * cpuCount;
  }

  /** @param times memory for them: `CallTimes.words(cpuCount)` of it */
  constructor(private readonly times: Float64Array) {}

  set(target: number, raised: number, entered: number, done: number): void {
    this.times[target * TIMES] = raised;
    this.times[target * TIMES + 1] = entered;
    this.times[target * TIMES + 2] = done;
  }

  raised(target: number): number {
    return this.times[target * TIMES] as number;
  }

  entered(target: number): number {
    return this.times[target * TIMES + 1] as number;
  }

  done(target: number): number {
    return this.times[target * TIMES + 2] as number;
  }
}
