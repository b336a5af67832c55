import { describe, expect, it } from 'vitest';
import { cpuWaits, nodeWaits, waiting } from '../../fixtures/waits.js';
import type { MachineWaits } from './actors.js';
import { deadlockVerdict, signatureOf } from './deadlock.js';
import { WaitGraph } from './wait-graph.js';

const sleeping = (task: number, name: string, waiter: number) => waiting(task, name, { doing: 'sleeps', waiter });
const calling = (task: number, name: string, target: number) =>
  waiting(task, name, { doing: 'spins', waiter: 100 + task, target });

const twoMutexes: MachineWaits = {
  cpus: [cpuWaits(0, { others: [sleeping(1, 'a', 11)] }), cpuWaits(1, { others: [sleeping(2, 'b', 12)] })],
  nodes: [
    nodeWaits({
      mutexes: [
        { name: 'slab_mutex', owner: 1, waiters: [12] },
        { name: 'cgroup_mutex', owner: 2, waiters: [11] },
      ],
    }),
  ],
};

const kindsOf = (waits: MachineWaits) => new WaitGraph(waits).cycle()?.map(({ kind }) => kind);

describe('a cycle', () => {
  it('of two mutexes is found and told as a sentence', () => {
    const cycle = new WaitGraph(twoMutexes).cycle();
    expect(deadlockVerdict(cycle ?? [])).toMatchObject({
      class: 'deadlock',
      id: 'MTX-4',
      detail:
        'a on CPU0 holds slab_mutex and waits for cgroup_mutex, held by b on CPU1, which waits for slab_mutex, held by a on CPU0',
    });
  });

  it('may be one task that asks for its own mutex again', () => {
    const [cpu] = twoMutexes.cpus;
    const nodes = [nodeWaits({ mutexes: [{ name: 'slab_mutex', owner: 1, waiters: [11] }] })];
    expect(kindsOf({ cpus: [cpu ?? cpuWaits(0)], nodes })).toEqual(['mutex']);
  });

  it('of calls needs interrupts off at both ends', () => {
    const cpus = (off: boolean) => [
      cpuWaits(0, { irqsOff: true, running: calling(1, 'a', 1) }),
      cpuWaits(1, { irqsOff: off, running: calling(2, 'b', 0) }),
    ];
    const cycle = new WaitGraph({ cpus: cpus(true), nodes: [nodeWaits()] }).cycle();
    expect(deadlockVerdict(cycle ?? [])).toMatchObject({ id: 'SMP-9' });
    expect(kindsOf({ cpus: cpus(false), nodes: [nodeWaits()] })).toBeUndefined();
  });

  it('runs through a task that waits for its CPU', () => {
    const queued = waiting(3, 'owner', { doing: 'queued' });
    const cpus = [
      cpuWaits(0, { irqsOff: true, running: waiting(1, 'a', { doing: 'spins', waiter: 21 }), others: [queued] }),
      cpuWaits(1, { running: waiting(2, 'b') }),
    ];
    const nodes = [nodeWaits({ mutexes: [{ name: 'm', owner: 3, waiters: [21] }] })];
    expect(kindsOf({ cpus, nodes })).toEqual(['mutex', 'cpu']);
  });

  it('runs through an interrupt that spins for the lock of the task below it', () => {
    const softirq = waiting(0, 'softirq', { kind: 'softirq', doing: 'spins', waiter: 5 });
    const cpus = [cpuWaits(0, { running: softirq, task: waiting(1, 'a'), inInterrupt: true })];
    const nodes = [nodeWaits({ spinlocks: [{ name: 'css_set_lock', holder: 0, waiters: [5] }] })];
    const cycle = new WaitGraph({ cpus, nodes }).cycle() ?? [];
    expect(cycle.map(({ kind }) => kind)).toEqual(['spinlock']);
    expect(deadlockVerdict(cycle)).toMatchObject({
      owner: 'a on CPU0 holds css_set_lock',
      steps: [{ cpu: 0, task: 'a (softirq)' }],
      detail: 'softirq on CPU0 (over a) spins for css_set_lock, held by what it interrupted: a on CPU0',
    });
  });

  it('runs through a flush and the worker that it waits for', () => {
    const cpus = [cpuWaits(0, { others: [sleeping(1, 'a', 7), sleeping(-5, 'kworker', 8)] })];
    const flush = { waiter: 7, workers: [-5], queue: 'wq', thread: 'kworker' };
    const nodes = [nodeWaits({ flushes: [flush], mutexes: [{ name: 'm', owner: 1, waiters: [8] }] })];
    expect(kindsOf({ cpus, nodes })).toEqual(['flush', 'mutex']);
  });

  it('runs through a grace period and a CPU that owes it', () => {
    const spinning = waiting(2, 'b', { doing: 'spins', waiter: 31 });
    const cpus = [
      cpuWaits(0, { others: [sleeping(1, 'a', 30)], callbacks: [{ waiter: 30, flavour: 'rcu_sched', gp: 4 }] }),
      cpuWaits(1, { irqsOff: true, running: spinning }),
    ];
    const mutexes = [{ name: 'm', owner: 1, waiters: [31] }];
    const period = { flavour: 'rcu_sched', gracePeriod: 4, completed: 3, owing: [1], readers: [] } as const;
    const owes = nodeWaits({ mutexes, rcu: [period] });
    expect(kindsOf({ cpus, nodes: [owes] })).toEqual(['mutex', 'grace-period']);
    expect(kindsOf({ cpus, nodes: [{ ...owes, rcu: [{ ...period, owing: [] }] }] })).toBeUndefined();
  });
});

describe('two looks', () => {
  it('are at the same cycle only if nobody in it has gone on', () => {
    const cycle = new WaitGraph(twoMutexes).cycle() ?? [];
    const reversed = { ...twoMutexes, cpus: [...twoMutexes.cpus].reverse() };
    expect(signatureOf(new WaitGraph(reversed).cycle() ?? [])).toBe(signatureOf(cycle));
    const later = cycle.map((wait) => ({
      ...wait,
      from: { ...wait.from, waits: { ...wait.from.waits, waiter: wait.from.waits.waiter + 1 } },
    }));
    expect(signatureOf(later)).not.toBe(signatureOf(cycle));
  });
});
