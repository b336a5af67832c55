import { describe, expect, it } from 'vitest';
import { CallQueue, type CallSingleData } from './call-queue.js';

const csd = (sender: number): CallSingleData => ({ fn: 'do_nothing', info: 0, synchronous: true, sender, waiter: 1 });

describe('CallQueue', () => {
  it('tells of the first csd only that the queue was empty before it', () => {
    const queue = new CallQueue();
    expect([1, 2, 3].map((sender) => queue.add(csd(sender)))).toEqual([true, false, false]);
    expect(queue.length).toBe(3);
  });

  it('gives everything at once, oldest first (SMP-2), and is empty then', () => {
    const queue = new CallQueue();
    for (const sender of [3, 1, 2]) queue.add(csd(sender));
    expect(queue.takeAll().map(({ sender }) => sender)).toEqual([3, 1, 2]);
    expect(queue.takeAll()).toEqual([]);
    expect(queue.add(csd(0))).toBe(true);
  });

  it('does not change what was taken when more is added', () => {
    const queue = new CallQueue();
    queue.add(csd(1));
    const taken = queue.takeAll();
    queue.add(csd(2));
    expect(taken.map(({ sender }) => sender)).toEqual([1]);
  });
});
