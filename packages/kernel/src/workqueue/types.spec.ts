import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QueuedWork, WorkPool } from './types.js';

describe('WorkPool', () => {
  it('starts items in the order in which they were queued', () => {
    const pool = new WorkPool();
    for (const work of [30, 10, 20]) pool.insert(work);
    expect([pool.next()?.work, pool.next()?.work, pool.next()?.work, pool.next()]).toEqual([30, 10, 20, undefined]);
  });

  it('leaves an item that is being executed to its worker (WQ-2)', () => {
    const pool = new WorkPool();
    pool.insert(5);
    const first = pool.next(1);
    pool.insert(5);
    pool.insert(6);
    expect([pool.next(2)?.work, pool.next(2)]).toEqual([6, undefined]);
    if (first !== undefined) pool.finish(first);
    expect(pool.next(1)?.work).toBe(5);
  });

  it('is busy until the last item has finished, also while none is waiting to start', () => {
    const pool = new WorkPool();
    expect(pool.busy).toBe(false);
    pool.insert(1);
    const item = pool.next();
    expect(pool.busy).toBe(true);
    if (item !== undefined) pool.finish(item);
    expect(pool.busy).toBe(false);
  });

  it('does not complete a flush for an item queued after it', () => {
    const pool = new WorkPool();
    pool.insert(1);
    pool.flush(77);
    pool.insert(2);
    const [first, second] = [pool.next(), pool.next()];
    expect(second && pool.finish(second)).toEqual([]);
    expect(first && pool.finish(first)).toEqual([77]);
  });

  it('completes each flush exactly when all items queued before it have finished, in whatever order they do (WQ-4)', () => {
    const operation = fc.oneof(fc.constant('insert' as const), fc.constant('flush' as const), fc.nat());
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const pool = new WorkPool();
        const running: QueuedWork[] = [];
        const flushes = new Map<number, Set<number>>();
        const finish = (item: QueuedWork): void => {
          for (const waited of flushes.values()) waited.delete(item.sequence);
          const due = [...flushes].filter(([, waited]) => waited.size === 0).map(([waiter]) => waiter);
          expect(pool.finish(item)).toEqual(due);
          for (const waiter of due) flushes.delete(waiter);
        };
        operations.forEach((op, n) => {
          if (op === 'insert') {
            pool.insert(n + 1);
            running.push(pool.next() as QueuedWork);
          } else if (op === 'flush') {
            // Callers register with busy pools only.
            if (!pool.busy) return;
            flushes.set(n + 1, new Set(running.map(({ sequence }) => sequence)));
            pool.flush(n + 1);
          } else if (running.length > 0) finish(running.splice(op % running.length, 1)[0] as QueuedWork);
        });
        for (const item of running) finish(item);
        expect(flushes.size).toBe(0);
      }),
      { seed: 16 },
    );
  });

  it('lets an item be stolen until a worker has taken it, and then be waited for', () => {
    const pool = new WorkPool();
    pool.insert(7);
    pool.insert(8);
    pool.flush(90);
    const first = pool.next() as QueuedWork;
    expect(pool.steal(first.work)).toBeNull();
    expect(pool.whenFinished(first.work, 91)).toBe(true);
    expect(pool.steal(8)).toEqual([]);
    expect(pool.steal(8)).toBeNull();
    expect(pool.whenFinished(8, 92)).toBe(false);
    expect(pool.finish(first)).toEqual([91, 90]);
    expect(pool.busy).toBe(false);
  });
});
