import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Timers } from './timers.js';

test('timers expire in the order of their times, equal ones in the order in which they were started', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const timers = new Timers();
      for (const [index, at] of times.entries()) timers.add(at, 'timer', index, false);
      const expired: number[] = [];
      for (let t = timers.takeExpired(20); t !== undefined; t = timers.takeExpired(20)) expired.push(t.data);
      const expected = [...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
      expect(expired).toEqual(expected);
    }),
  );
});

test('a timer does not expire early, nor after it was cancelled', () => {
  const timers = new Timers();
  const first = timers.add(10, 'first', 0, false);
  timers.add(20, 'second', 0, true);
  expect(timers.next).toBe(10);
  expect(timers.takeExpired(9)).toBeUndefined();
  timers.cancel(first);
  timers.cancel(first);
  expect(timers.takeExpired(19)).toBeUndefined();
  expect(timers.takeExpired(20)?.name).toBe('second');
  expect(timers.next).toBe(Number.POSITIVE_INFINITY);
});
