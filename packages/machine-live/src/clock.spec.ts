import { describe, expect, it } from 'vitest';
import { MachineClock } from './clock.js';

const HOUR = 3_600_000_000_000n;
/** More than two looks at a clock take on a busy computer, and much less than what the tests tell apart, ns. */
const SLACK = 2e9;

const hoursAgo = (hours: bigint): bigint => process.hrtime.bigint() - hours * HOUR;

describe('machine clock', () => {
  it('shows the time since its epoch, times its scale', () => {
    const clock = new MachineClock(hoursAgo(1n), 2);
    expect(Math.abs(clock.time() - 2 * Number(HOUR))).toBeLessThan(SLACK);
  });

  it('never goes back', () => {
    const clock = new MachineClock(hoursAgo(0n), 1);
    let last = clock.time();
    for (let n = 0; n < 10_000; n++) {
      const now = clock.time();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  it('stands still while it is stopped, and goes on behind the bare time by what is skipped', () => {
    const clock = new MachineClock(hoursAgo(3n), 1);
    const stopped = clock.stop();
    expect([clock.time(), clock.stop(), clock.standsStill]).toEqual([stopped, stopped, true]);
    clock.resume(Number(HOUR));
    expect(clock.standsStill).toBe(false);
    expect(Math.abs(clock.bare() - clock.time() - Number(HOUR))).toBeLessThan(SLACK);
  });

  it('agrees with another that skips the same, however long either stood still', () => {
    const epoch = hoursAgo(3n);
    const [one, two] = [new MachineClock(epoch, 1), new MachineClock(epoch, 1)];
    one.stop();
    one.resume(Number(HOUR));
    two.resume(Number(HOUR));
    const before = one.time();
    const between = two.time();
    const after = one.time();
    // Each clock was set by a look at two host clocks, so they differ by a little.
    expect(between).toBeGreaterThan(before - 1e6);
    expect(between).toBeLessThan(after + 1e6);
  });

  it('says in host time how far away a machine time is', () => {
    const clock = new MachineClock(hoursAgo(0n), 10);
    clock.stop();
    expect(clock.hostMsUntil(clock.time() + 1e9)).toBeCloseTo(100, 5);
  });
});
