import { performance } from 'node:perf_hooks';

const TRIES = 20;

/** ns to add to performance.now for the time since `epoch`; of several tries the one with the least time between its looks. */
function offsetFrom(epoch: bigint): number {
  let best = { took: Number.POSITIVE_INFINITY, offset: 0 };
  for (let n = 0; n < TRIES; n++) {
    const before = performance.now() * 1e6;
    const since = Number(process.hrtime.bigint() - epoch);
    const took = performance.now() * 1e6 - before;
    if (took < best.took) best = { took, offset: since - before - took / 2 };
  }
  return best.offset;
}

/**
 * Machine time of one thread: host time since the machine's epoch, times its scale, less what is skipped. It stands still
 * while the machine is held at a phase mark, and that time is skipped. All threads of a host that are given the same epoch
 * and skip the same agree.
 */
export class MachineClock {
  private readonly offset: number;
  private skipped = 0;
  private stoppedAt: number | null = null;

  /**
   * @param epoch process.hrtime.bigint() at machine time 0
   * @param scale machine seconds per host second
   */
  constructor(
    epoch: bigint,
    readonly scale: number,
  ) {
    this.offset = offsetFrom(epoch);
  }

  /** What it would show if nothing were ever skipped, ns. */
  bare(): number {
    return (performance.now() * 1e6 + this.offset) * this.scale;
  }

  /** ns. */
  time(): number {
    return this.stoppedAt ?? this.bare() - this.skipped;
  }

  /** Stand still; answers the time at which it does. */
  stop(): number {
    this.stoppedAt ??= this.time();
    return this.stoppedAt;
  }

  /** @param skipped ns that it lags behind the bare time from now on */
  resume(skipped: number): void {
    this.skipped = skipped;
    this.stoppedAt = null;
  }

  get standsStill(): boolean {
    return this.stoppedAt !== null;
  }

  /** Host milliseconds until a machine time. */
  hostMsUntil(time: number): number {
    return (time - this.time()) / this.scale / 1e6;
  }
}
