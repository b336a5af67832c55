import { gracePeriodVerdict } from '@kmemlab/checker';
import { type Cpu, Flavour, nodeWaitsOf, patchApi, waitsOf } from '@kmemlab/kernel';
import { type Coroutine, work } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { invoked, NOTE, type RcuKernel, RcuMachine } from './rcu-machine.js';

const { call, callRcu, rcuBarrier, rcuReadLock, rcuReadUnlock, synchronizeRcu, synchronizeRcuExpedited } = patchApi;
const { synchronizeSched } = patchApi;

const preemptible = ['preempt, split', 'preempt, consolidated'] as const satisfies readonly RcuKernel[];

const reads = (ns: number) =>
  function* reading(cpu: Cpu): Coroutine<void> {
    rcuReadLock(cpu);
    yield* work(ns);
    rcuReadUnlock(cpu);
  };

const calls = (fn: (cpu: Cpu) => Coroutine<void>) =>
  function* calling(cpu: Cpu): Coroutine<void> {
    yield* call(fn, cpu);
  };

/** A reader on CPU1 that gives way to another thread in the middle of its section, and is listed as a reader off its CPU. */
function withPreemptedReader(kernel: RcuKernel) {
  const machine = new RcuMachine({ kernel, nodes: 2, cpus: 2 });
  const reader = machine.thread(1, reads(80e6));
  const other = machine.thread(1, function* other() {
    yield* work(40e6);
  });
  const { flavour } = machine.cpu(1).rcu.rcu;
  const { leaves } = (machine.sim.nodes[0] as (typeof machine.sim.nodes)[number]).rcu.of(flavour);
  machine.until(() => leaves.some(({ blocked }) => blocked.size > 0));
  return { machine, reader, other };
}

describe.each(preemptible)('%s: a reader that is preempted', (kernel) => {
  it.each([
    ['synchronize_rcu', synchronizeRcu],
    ['synchronize_rcu_expedited', synchronizeRcuExpedited],
  ])('is waited for by %s, though its CPU has gone on', (_name, synchronize) => {
    const { machine, reader, other } = withPreemptedReader(kernel);
    const wait = machine.thread(0, calls(synchronize));
    machine.finish(wait, other);
    expect(machine.count('preemptions')).toBeGreaterThan(0);
    expect(reader.ended).toBeGreaterThan(0);
    expect(wait.ended).toBeGreaterThanOrEqual(reader.ended);
    machine.settle();
  });
});

it('a reader of a preemptible kernel is nobody for whom synchronize_sched waits while flavours are split', () => {
  const { machine, reader } = withPreemptedReader('preempt, split');
  const wait = machine.thread(0, calls(synchronizeSched));
  machine.finish(wait);
  expect(reader.ended).toBe(0);
  machine.finish(reader);
  machine.settle();
});

it('a kernel that is not preemptible preempts nobody in the kernel', () => {
  const machine = new RcuMachine({ kernel: 'preemptcount, split' });
  const threads = [reads(40e6), reads(40e6)].map((code) => machine.thread(1, code));
  machine.finish(...threads);
  expect(machine.count('preemptions')).toBe(0);
  expect(Math.abs((threads[1]?.ended ?? 0) - (threads[0]?.ended ?? 0))).toBeGreaterThan(39e6);
  machine.settle();
});

it.each(preemptible)(
  '%s: a read lock that is never dropped holds up the grace period, and the verdict names the task',
  (kernel) => {
    const machine = new RcuMachine({ kernel });
    const leaks = machine.thread(2, function* leaking(cpu) {
      rcuReadLock(cpu);
      yield* work(1000);
    });
    machine.finish(leaks);
    const wait = machine.thread(0, calls(synchronizeRcu));
    machine.pass(100e6);
    expect(wait.ended).toBe(0);
    const { cpus, nodes } = machine.sim;
    const waits = { cpus: cpus.map(waitsOf), nodes: nodes.map(nodeWaitsOf) };
    expect(gracePeriodVerdict(waits, 22e9, machine.sim.modelTime)).toMatchObject({
      class: 'stall',
      id: 'RCU-9',
      owner: 'spec',
      detail: expect.stringContaining('spec on CPU2, which left the kernel in a read section'),
    });
  },
);

describe('an expedited grace period', () => {
  it('interrupts the CPUs that are not idle, and takes microseconds', () => {
    const machine = new RcuMachine({ nodes: 2, cpus: 4 });
    const busy = [3, 6].map((id) =>
      machine.thread(id, function* short() {
        for (let n = 0; n < 100; n++) yield* work(1000);
      }),
    );
    const before = machine.sim.cpus.map(({ ownWords }) => ownWords.interrupts.call);
    const wait = machine.thread(0, calls(synchronizeRcuExpedited));
    machine.finish(wait, ...busy);
    const interrupted = machine.sim.cpus.map(({ ownWords }, id) => ownWords.interrupts.call - (before[id] ?? 0));
    expect(interrupted).toEqual([0, 0, 0, 1, 0, 0, 1, 0]);
    expect(machine.count('rcu_grace_periods')).toBe(0);
    expect(wait.ended - wait.began).toBeLessThan(machine.cpu(0).jiffy);
    machine.settle();
  });

  it('of several callers is driven by few of them', () => {
    const machine = new RcuMachine({ nodes: 2, cpus: 4 });
    const callers = Array.from({ length: 8 }, (_, id) => machine.thread(id, calls(synchronizeRcuExpedited)));
    machine.finish(...callers);
    const root = machine.sim.nodes[0]?.rcuRoots.of(Flavour.sched);
    expect((root?.expeditedSequence ?? 0) / 2).toBeLessThan(8);
    machine.settle();
  });
});

describe('rcu_barrier', () => {
  /** Grace periods that pass while a barrier waits for a callback that has waited for its own for a while. */
  function periodsOfBarrier(kernel: RcuKernel): number {
    const machine = new RcuMachine({ kernel });
    machine.thread(2, function* queues(cpu) {
      yield* call(callRcu, cpu, NOTE, 1);
    });
    machine.until(() => machine.count('rcu_grace_periods') > machine.count('rcu_grace_periods_ended'));
    const begun = machine.count('rcu_grace_periods');
    const barrier = machine.thread(0, calls(rcuBarrier));
    machine.finish(barrier);
    expect(invoked).toHaveLength(1);
    const periods = machine.count('rcu_grace_periods') - begun;
    machine.settle();
    return periods;
  }

  it('needs a further grace period for its own callback to 4.19, none later', () => {
    expect(periodsOfBarrier('nonpreempt, split')).toBe(1);
    expect(periodsOfBarrier('nonpreempt, consolidated')).toBe(0);
  });

  it('waits for the rcu flavour only while flavours are split', () => {
    const machine = new RcuMachine({ kernel: 'preempt, split' });
    machine.thread(2, function* queues(cpu) {
      yield* call(patchApi.callRcuSched, cpu, NOTE, 1);
    });
    const barrier = machine.thread(0, calls(rcuBarrier));
    machine.finish(barrier);
    expect(invoked).toHaveLength(0);
    machine.settle();
    expect(invoked).toHaveLength(1);
  });
});

it.each([
  ['ten callbacks if it is busy', 2, 10],
  ['all of them if it is idle', 0, 60],
])('a CPU invokes in its first pass %s', (_what, busy, expected) => {
  const machine = new RcuMachine({});
  machine.thread(1, function* queues(cpu) {
    for (let n = 0; n < 60; n++) yield* call(callRcu, cpu, NOTE, n);
  });
  // Two that take turns: the CPU switches tasks, and is never idle.
  for (let n = 0; n < busy; n++) {
    machine.thread(1, function* takesTurns(cpu) {
      for (let turn = 0; turn < 60; turn++) {
        yield* work(1e6);
        yield* call(patchApi.hrtimerNanosleep, cpu, 1000);
      }
    });
  }
  machine.until(() => invoked.length > 0);
  machine.until(() => !machine.cpu(1).inSoftirq);
  expect(invoked).toHaveLength(expected);
  machine.settle();
  expect(invoked).toHaveLength(60);
});
