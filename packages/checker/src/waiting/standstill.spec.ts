import type { Waiting } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { cpuWaits, nodeWaits, waiting } from '../../fixtures/waits.js';
import { gracePeriodVerdict } from './grace-period.js';
import { type Look, livelockVerdict } from './standstill.js';

const look = (running: Waiting, runs = 0): Look => ({
  waits: { cpus: [cpuWaits(0, { running })], nodes: [nodeWaits()] },
  workRuns: { retry_work_fn: runs },
});

const judged = (before: Look, now: Look) => livelockVerdict(before, now, 'nothing got on')?.object;

describe('livelock', () => {
  it('is a task that is in the same visit to the kernel and has run', () => {
    expect(judged(look(waiting(1, 'a')), look(waiting(1, 'a')))).toBe('a on CPU0');
  });

  it('is a work function that is executed again and again', () => {
    const idle = waiting(1, 'a', { doing: 'sleeps', waiter: 3 });
    expect(judged(look(idle, 5), look(idle, 9))).toBe('retry_work_fn');
  });

  it.each([
    ['a task that waits for the same thing all the time', { doing: 'spins', waiter: 3 }, {}],
    ['a task that has returned from the kernel and come again', { syscall: 1 }, { syscall: 2 }],
  ] as const)('is not %s', (_what, before, now) => {
    expect(judged(look(waiting(1, 'a', before)), look(waiting(1, 'a', { ...before, ...now })))).toBeUndefined();
  });

  it('is not the kthread that looks after a grace period', () => {
    expect(judged(look(waiting(-9, 'rcu_sched')), look(waiting(-9, 'rcu_sched')))).toBeUndefined();
  });
});

describe('a grace period that does not end', () => {
  const { waits } = look(waiting(1, 'a', { stack: ['loop'] }));
  const period = { flavour: 'rcu_sched', gracePeriod: 7, completed: 6, owing: [], readers: [] } as const;

  it('names the CPU that owes a quiescent state, and where it is', () => {
    const nodes = [nodeWaits({ rcu: [{ ...period, owing: [0] }] })];
    expect(gracePeriodVerdict({ ...waits, nodes }, 22e9, 30e9)).toMatchObject({
      class: 'stall',
      object: 'grace period 7',
      owner: 'CPU0',
      detail: 'in progress for 22 s; a quiescent state is owed by CPU0, in loop (a)',
    });
  });

  it('names the reader that left the kernel in a read section', () => {
    const reader = { task: 4, name: 'b', cpu: 1, leaked: true };
    const nodes = [nodeWaits({ rcu: [{ ...period, flavour: 'rcu_preempt', readers: [reader] }] })];
    expect(gracePeriodVerdict({ ...waits, nodes }, 22e9, 30e9)).toMatchObject({
      id: 'RCU-9',
      owner: 'b',
      detail: 'in progress for 22 s; it waits for the reader b on CPU1, which left the kernel in a read section',
    });
  });

  it('is nobody’s fault if no CPU owes it anything', () => {
    expect(gracePeriodVerdict(waits, 22e9, 30e9)).toBeUndefined();
  });
});
