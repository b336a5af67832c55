import { textOf } from './host/cgroup.js';

/** A moment, told so that processes on this computer agree about it exactly, and others as well as their clocks do, or within a message's time. */
export interface RunClock {
  /** Which run of which computer `monotonicNs` belongs to. */
  readonly bootId: string;
  /** `process.hrtime.bigint()`, decimal. */
  readonly monotonicNs: string;
  /** ms since 1970 */
  readonly wallMs: number;
}

const bootId = (): string => textOf('/proc/sys/kernel/random/boot_id')?.trim() ?? '';

/** This moment. */
export function markClock(): RunClock {
  return { bootId: bootId(), monotonicNs: String(process.hrtime.bigint()), wallMs: Date.now() };
}

/** A moment is told within this time. Wall clocks that say something else do not agree, ms. */
const LONGEST_FLIGHT_MS = 1000;

/**
 * What `process.hrtime.bigint()` was, or would have been, here at that moment, of which this process has just been told.
 * Another computer's wall clock is believed if the moment has been under way for a likely time by it; else it is now.
 */
export function monotonicAt(clock: RunClock, here: RunClock = markClock()): bigint {
  if (clock.bootId !== '' && clock.bootId === here.bootId) return BigInt(clock.monotonicNs);
  const flightMs = here.wallMs - clock.wallMs;
  const agree = flightMs >= 0 && flightMs <= LONGEST_FLIGHT_MS;
  return BigInt(here.monotonicNs) - BigInt(agree ? Math.round(flightMs * 1e6) : 0);
}

export function isRunClock(value: unknown): value is RunClock {
  if (typeof value !== 'object' || value === null) return false;
  const { bootId: id, monotonicNs, wallMs } = value as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof monotonicNs === 'string' &&
    /^\d{1,19}$/.test(monotonicNs) &&
    Number.isFinite(wallMs)
  );
}
