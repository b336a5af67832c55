import { AttachedMemory, type Memory, PrivateMemory, SharedMemory } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallQueue, type CallSingleData } from './call-queue.js';
import './kick.js';

const CPUS = 3;

function queueIn(memory: Memory): CallQueue {
  const words = memory.words();
  words.ensure(CallQueue.words(CPUS));
  return new CallQueue(CPUS, words.view, memory);
}

const csd = (sender: number): CallSingleData => ({ fn: 'do_nothing', info: 0, synchronous: true, sender, waiter: 1 });

describe('CallQueue', () => {
  it('tells of the first csd only that the queue was empty before it', () => {
    const queue = queueIn(new PrivateMemory());
    expect([1, 2, 3].map((sender) => queue.add(csd(sender)))).toEqual([true, false, false]);
  });

  it('gives everything at once, oldest first (SMP-2), and is empty then', () => {
    const queue = queueIn(new PrivateMemory());
    for (const sender of [3, 1, 2]) queue.add(csd(sender));
    expect(queue.takeAll().map(({ sender }) => sender)).toEqual([3, 1, 2]);
    expect(queue.takeAll()).toEqual([]);
    expect(queue.add(csd(0))).toBe(true);
  });

  it('keeps all of a csd, and does not change what was taken when more is added', () => {
    const queue = queueIn(new PrivateMemory());
    const queued = { fn: 'do_nothing', info: 2 ** 44 + 1, synchronous: false, sender: 2, waiter: 2 ** 40 + 3 };
    queue.add(queued);
    const taken = queue.takeAll();
    queue.add(csd(2));
    expect(taken).toEqual([queued]);
  });

  it('takes no csd whose function is not registered', () => {
    expect(() => queueIn(new PrivateMemory()).add({ ...csd(0), fn: 'unknown' })).toThrow('no csd function is called');
  });

  it('agrees with a list, however often its slots are reused, whichever side adds or takes', () => {
    const step = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant('take' as const));
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), (steps) => {
        const memory = new SharedMemory(2 ** 16);
        const sides = [queueIn(memory), queueIn(new AttachedMemory(memory.buffers))] as const;
        let model: number[] = [];
        let sent = 0;
        for (const [what, second] of steps) {
          const queue = sides[second ? 1 : 0];
          if (what === 'take' || model.length + what > 8 * CPUS + 64) {
            expect(queue.takeAll().map(({ sender }) => sender)).toEqual(model);
            model = [];
            continue;
          }
          for (let n = 0; n < what; n++) {
            expect(queue.add(csd(sent))).toBe(model.length === 0);
            model.push(sent++);
          }
        }
      }),
      { seed: 5 },
    );
  });

  it('throws when more is queued than locked csds allow, and goes on after it was emptied', () => {
    const queue = queueIn(new PrivateMemory());
    let held = 0;
    const fill = (): void => {
      for (; held < 10_000; held++) queue.add(csd(held));
    };
    expect(fill).toThrow('cannot take more');
    expect(held).toBeGreaterThanOrEqual(8 * CPUS + 64);
    expect(queue.takeAll()).toHaveLength(held);
    expect(queue.add(csd(0))).toBe(true);
  });
});
