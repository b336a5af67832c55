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
 * Machine time of one thread: host time since the machine's epoch, times its scale. It stands still while the machine is
 * held at a phase mark. All threads of a host that are given the same epoch agree.
 */
export class MachineClock {
  private readonly offset: number;
  private shift = 0;
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

  private running(): number {
    return (performance.now() * 1e6 + this.offset) * this.scale + this.shift;
  }

  /** ns. */
  time(): number {
    return this.stoppedAt ?? this.running();
  }

  /** Stand still; answers the time at which it does. */
  stop(): number {
    this.stoppedAt ??= this.running();
    return this.stoppedAt;
  }

  /** Go on from a time that is not before the one at which the clock stands. */
  resumeAt(time: number): void {
    this.shift += time - this.running();
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
