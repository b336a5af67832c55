import { describe, expect, it } from 'vitest';
import { GracePeriodWatch, StallWatch } from './stall-watch.js';

const work = (done: number, drained: number) => ({ done, drained });

/** What the watch says at each of these moments, one second apart. */
const idle = (moments: readonly (readonly [calls: number, done: number, drained: number])[]): number[] => {
  const watch = new StallWatch();
  return moments.map(([calls, done, drained], second) => watch.idleNs(second, calls, work(done, drained)));
};

describe('progress', () => {
  it('is a system call that returns, work done, or a backlog that shrinks', () => {
    expect(
      idle([
        [0, 0, -9],
        [1, 0, -9],
        [1, 1, -9],
        [1, 1, -8],
        [1, 1, -7],
      ]),
    ).toEqual([0, 0, 0, 0, 0]);
  });

  it('is not a work item that queues itself again', () => {
    expect(
      idle([
        [0, 0, -9],
        [0, 0, -8],
        [0, 0, -9],
        [0, 0, -8],
        [0, 0, -9],
      ]),
    ).toEqual([0, 0, 1, 2, 3]);
  });

  it('is a backlog that shrinks, also if it was smaller before something else was done', () => {
    expect(
      idle([
        [0, 0, -1],
        [1, 0, -9],
        [1, 0, -8],
        [1, 0, -8],
      ]),
    ).toEqual([0, 0, 0, 1]);
  });
});

describe('a grace period', () => {
  it('is in progress since it was first seen, and only the same one', () => {
    const watch = new GracePeriodWatch();
    const since = (now: number, begun: number, ended: number) => watch.inProgressSince(now, [{ begun, ended }]);
    expect([since(1, 1, 1), since(2, 2, 1), since(3, 2, 1), since(4, 3, 2), since(5, 3, 3), since(6, 3, 3)]).toEqual([
      1, 2, 2, 4, 5, 6,
    ]);
  });

  it('that lasts is seen while those of another flavour come and go', () => {
    const watch = new GracePeriodWatch();
    const stuck = { begun: 1, ended: 0 };
    const since = (now: number, begun: number) => watch.inProgressSince(now, [stuck, { begun, ended: begun }]);
    expect([since(1, 1), since(2, 2), since(3, 3)]).toEqual([1, 1, 1]);
  });
});
