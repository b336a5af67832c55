import { expect, test } from 'vitest';
import { isRunClock, markClock, monotonicAt, type RunClock } from './run-clock.js';

const moment: RunClock = { bootId: 'a', monotonicNs: '5000000000', wallMs: 1_000 };

test('a moment is the same for every process of one computer, whatever its wall clock says', () => {
  const later = { bootId: 'a', monotonicNs: '9000000000', wallMs: 77 };
  expect(monotonicAt(moment, later)).toBe(5_000_000_000n);
});

test('another computer goes by the wall clock', () => {
  expect(monotonicAt(moment, { bootId: 'b', monotonicNs: '300000000', wallMs: 1_250 })).toBe(50_000_000n);
});

test.each([-10_000, -1, 1_001, 60_000])('a wall clock that is %i ms off is not gone by', (off) => {
  expect(monotonicAt(moment, { bootId: 'b', monotonicNs: '300000000', wallMs: 1_000 + off })).toBe(300_000_000n);
});

test('this moment is now', () => {
  const clock = markClock();
  expect(isRunClock(clock)).toBe(true);
  const age = process.hrtime.bigint() - monotonicAt(clock);
  expect(age >= 0n && age < 10_000_000_000n).toBe(true);
});

test.each([null, 1, {}, { ...moment, monotonicNs: 'x' }, { ...moment, wallMs: Number.NaN }])(
  '%j is no moment',
  (value) => {
    expect(isRunClock(value)).toBe(false);
  },
);
