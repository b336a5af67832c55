import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.js';

function drain(queue: EventQueue<number>): number[] {
  const all: number[] = [];
  for (let event = queue.pop(); event !== undefined; event = queue.pop()) all.push(event);
  return all;
}

/** Few different times, so that equal ones are common. */
const times = fc.array(fc.nat({ max: 20 }), { maxLength: 200 });

const stableOrder = (list: readonly number[]): number[] =>
  list
    .map((time, payload) => ({ time, payload }))
    .sort((a, b) => a.time - b.time)
    .map(({ payload }) => payload);

describe('EventQueue', () => {
  it('is empty at first', () => {
    const queue = new EventQueue<number>();
    expect(queue.pop()).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it('pops in the order of a stable sort by time', () => {
    fc.assert(
      fc.property(times, (list) => {
        const queue = new EventQueue<number>();
        list.forEach((time, n) => {
          queue.push(time, n);
        });
        expect(queue.size).toBe(list.length);
        expect(drain(queue)).toEqual(stableOrder(list));
      }),
      { seed: 7 },
    );
  });

  it('pops the least of what is queued whenever pushes and pops are mixed', () => {
    const step = fc.oneof(fc.nat({ max: 20 }), fc.constant('pop' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new EventQueue<number>();
        const model: { time: number; payload: number }[] = [];
        steps.forEach((next, n) => {
          if (next === 'pop') {
            const least = model.reduce((best, event, i) => (event.time < (model[best]?.time ?? 0) ? i : best), 0);
            const [expected] = model.splice(least, 1);
            expect(queue.pop()).toBe(expected?.payload);
            if (expected !== undefined) expect(queue.time).toBe(expected.time);
          } else {
            model.push({ time: next, payload: n });
            queue.push(next, n);
          }
          expect(queue.size).toBe(model.length);
        });
      }),
      { seed: 8 },
    );
  });

  it('keeps its order when it grows beyond its first arrays', () => {
    const queue = new EventQueue<number>();
    const list = Array.from({ length: 5000 }, (_, n) => (n * 7919) % 1000);
    list.forEach((time, n) => {
      queue.push(time, n);
    });
    expect(drain(queue)).toEqual(stableOrder(list));
  });

  it('orders times up to 2^53 exactly', () => {
    const queue = new EventQueue<number>();
    [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 53 - 3].forEach((time, n) => {
      queue.push(time, n);
    });
    expect(drain(queue)).toEqual([2, 1, 0]);
  });
});
