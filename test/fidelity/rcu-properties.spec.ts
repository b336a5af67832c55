import { type Cpu, patchApi, rcuAdoptOrphans, rcuCpuDying, rcuCpuStarting } from '@kmemlab/kernel';
import { type Coroutine, RandomStream } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { invoked, NOTE, type RcuKernel, RcuMachine, rcuKernels, type Thread } from './rcu-machine.js';

const {
  call,
  callRcu,
  callRcuBh,
  callRcuSched,
  rcuBarrier,
  rcuBarrierBh,
  rcuBarrierSched,
  rcuReadLock,
  rcuReadLockSched,
  rcuReadUnlock,
  rcuReadUnlockSched,
  synchronizeRcu,
  synchronizeRcuExpedited,
  synchronizeSched,
  synchronizeSchedExpedited,
  work,
} = patchApi;

const kernels = Object.keys(rcuKernels) as RcuKernel[];

/** Nodes and CPUs per node: 1, 2, 17 and 64 CPUs, on 1 to 4 nodes. */
const topologies = [
  [1, 1],
  [1, 2],
  [2, 1],
  [1, 17],
  [3, 2],
  [4, 16],
] as const;

/** Most CPUs of a machine on which something happens. */
const ACTIVE = 6;

const waits = [
  synchronizeRcu,
  synchronizeSched,
  synchronizeRcuExpedited,
  synchronizeSchedExpedited,
  rcuBarrier,
  rcuBarrierSched,
  rcuBarrierBh,
];

const queues = [callRcu, callRcuSched, callRcuBh];

/** Reads, queues and waits as the stream says; counts what it queues. */
function* anyUse(cpu: Cpu, random: RandomStream, queued: { count: number }): Coroutine<void> {
  for (let n = 0; n < 8; n++) {
    const ns = [500, 30_000, 1e6, 9e6][random.below(4)] as number;
    const depth = 1 + random.below(2);
    const which = random.below(5);
    if (which === 0) {
      for (let d = 0; d < depth; d++) rcuReadLock(cpu);
      yield* work(ns);
      for (let d = 0; d < depth; d++) rcuReadUnlock(cpu);
    } else if (which === 1) {
      rcuReadLockSched(cpu);
      yield* work(ns);
      rcuReadUnlockSched(cpu);
    } else if (which === 2) {
      const saved = cpu.irqSave();
      yield* work(ns);
      cpu.irqRestore(saved);
    } else if (which === 3) {
      for (let c = random.below(30); c >= 0; c--) {
        yield* call(queues[random.below(queues.length)] as typeof callRcu, cpu, NOTE, ++queued.count);
      }
    } else yield* call(waits[random.below(waits.length)] as typeof rcuBarrier, cpu);
  }
}

describe.each(kernels)('%s: over random schedules', (kernel) => {
  it.each(topologies)('nothing that RCU promises is broken on %i x %i CPUs', (nodes, cpus) => {
    for (let seed = 1; seed <= 3; seed++) {
      const machine = new RcuMachine({ kernel, nodes, cpus, seed, strategy: seed % 2 === 0 ? 'random' : 'time' });
      const random = new RandomStream(seed, `${kernel} ${nodes} ${cpus}`);
      const queued = { count: 0 };
      const threads: Thread[] = [];
      for (let n = 0; n < 2 * Math.min(ACTIVE, nodes * cpus); n++) {
        threads.push(machine.thread(random.below(nodes * cpus), (cpu) => anyUse(cpu, random, queued)));
      }
      machine.finish(...threads);
      machine.settle();
      expect(invoked).toHaveLength(queued.count);
    }
  });
});

describe.each(kernels)('%s: a grace period', (kernel) => {
  it.each(topologies)('lasts at least as long as the longest reader at its start, on %i x %i CPUs', (nodes, cpus) => {
    if (nodes * cpus === 1) return;
    for (let seed = 1; seed <= 3; seed++) {
      const machine = new RcuMachine({ kernel, nodes, cpus, seed, strategy: 'random' });
      const random = new RandomStream(seed, 'readers');
      const readers = Array.from({ length: Math.min(ACTIVE, nodes * cpus - 1) }, (_, n) =>
        machine.thread(nodes * cpus - 1 - n, function* reads(cpu) {
          rcuReadLock(cpu);
          yield* work(1e6 * random.below(70));
          rcuReadUnlock(cpu);
        }),
      );
      const wait = machine.thread(0, function* waiting(cpu) {
        yield* call(seed === 3 ? synchronizeRcuExpedited : synchronizeRcu, cpu);
      });
      machine.finish(wait, ...readers);
      for (const reader of readers) expect(wait.ended).toBeGreaterThanOrEqual(reader.ended);
      machine.settle();
    }
  });

  it.each(topologies)('ends within the rule of the scans if all are idle, on %i x %i CPUs', (nodes, cpus) => {
    const machine = new RcuMachine({ kernel, nodes, cpus });
    const { jiffy, fqsJiffies } = machine.cpu(0);
    const before = machine.count('rcu_grace_periods');
    const wait = machine.thread(0, function* waiting(cpu) {
      yield* call(synchronizeRcu, cpu);
    });
    machine.finish(wait);
    // A tick asks for it; one scan sees the idle CPUs; a tick finds that it is over.
    expect(wait.ended - wait.began).toBeLessThanOrEqual((fqsJiffies + 1 + 2 + 1) * jiffy);
    expect(machine.count('rcu_grace_periods') - before).toBeLessThanOrEqual(1);
  });
});

/** Go on queueing callbacks; evaluates to nothing, counts in `queued`. */
function* storm(cpu: Cpu, queued: { count: number }, bursts: number): Coroutine<void> {
  for (let n = 0; n < bursts; n++) {
    for (let c = 0; c < 50; c++) yield* call(callRcu, cpu, NOTE, ++queued.count);
    yield* work(1e6);
  }
}

/** The kernel's own view of which CPUs are online, in the replica of each node. */
function setOnline(machine: RcuMachine, cpu: number, online: boolean): void {
  for (const { published } of machine.sim.nodes) published.setOnline(cpu, online);
}

/** What cpu_down does for RCU: the dying step on the CPU, then the adoption of its callbacks on CPU0. */
function takeDown(machine: RcuMachine, id: number): void {
  setOnline(machine, id, false);
  const dying = machine.thread(id, function* dies(cpu) {
    const saved = cpu.irqSave();
    yield* call(rcuCpuDying, cpu);
    cpu.irqRestore(saved);
  });
  machine.finish(dying);
  const adopting = machine.thread(0, function* adopts(cpu) {
    yield* call(rcuAdoptOrphans, cpu);
  });
  machine.finish(adopting);
}

function bringUp(machine: RcuMachine, id: number): void {
  const starting = machine.thread(id, function* starts(cpu) {
    yield* call(rcuCpuStarting, cpu);
  });
  machine.finish(starting);
  setOnline(machine, id, true);
}

describe.each(kernels)('%s: rcu_barrier under a callback storm', (kernel) => {
  it.each([
    [1, 2],
    [2, 2],
    [1, 17],
    [4, 16],
  ] as const)('returns after every callback queued before it, on %i x %i CPUs', (nodes, cpus) => {
    const machine = new RcuMachine({ kernel, nodes, cpus, strategy: 'random' });
    const queued = { count: 0 };
    const stormy = Array.from({ length: Math.min(ACTIVE, nodes * cpus) }, (_, id) =>
      machine.thread(id, (cpu) => storm(cpu, queued, 40)),
    );
    machine.pass(10e6);
    let before = 0;
    let waited = 0;
    const barrier = machine.thread(nodes * cpus - 1, function* waiting(cpu) {
      before = queued.count;
      yield* call(rcuBarrier, cpu);
      waited = invoked.filter(({ number }) => number <= before).length;
    });
    machine.finish(barrier, ...stormy);
    expect(before).toBeGreaterThan(100);
    expect(waited).toBe(before);
    machine.settle();
    expect(invoked).toHaveLength(queued.count);
  });

  it('does so, too, if a CPU goes offline in the middle of it, and comes back', () => {
    const machine = new RcuMachine({ kernel, nodes: 2, cpus: 2 });
    const queued = { count: 0 };
    for (let round = 0; round < 3; round++) {
      const stormy = [0, 2, 3].map((id) => machine.thread(id, (cpu) => storm(cpu, queued, 5)));
      machine.finish(...stormy);
      const before = queued.count;
      let waited = 0;
      const barrier = machine.thread(1, function* waiting(cpu) {
        yield* call(rcuBarrier, cpu);
        waited = invoked.filter(({ number }) => number <= before).length;
      });
      const { rcuRoots } = machine.sim.nodes[0] as (typeof machine.sim.nodes)[number];
      machine.until(
        () => [...rcuRoots.barriers.values()].some((left) => left > 0) && machine.cpu(1).current === undefined,
      );
      takeDown(machine, 3);
      machine.finish(barrier);
      expect(waited).toBe(before);
      bringUp(machine, 3);
    }
    machine.settle();
    expect(invoked).toHaveLength(queued.count);
  });
});

describe.each(kernels)('%s: a CPU that goes offline', (kernel) => {
  it('in a grace period does not hold it up, and later ones do not wait for it before it is back', () => {
    const machine = new RcuMachine({ kernel, nodes: 2, cpus: 2, strategy: 'random' });
    const hog = machine.thread(3, function* busy(cpu) {
      const saved = cpu.irqSave();
      yield* work(9e6);
      cpu.irqRestore(saved);
    });
    const first = machine.thread(0, function* waiting(cpu) {
      yield* call(synchronizeRcu, cpu);
    });
    machine.finish(hog);
    takeDown(machine, 3);
    machine.finish(first);
    const second = machine.thread(0, function* waiting(cpu) {
      yield* call(synchronizeRcuExpedited, cpu);
      yield* call(synchronizeRcu, cpu);
    });
    machine.finish(second);
    bringUp(machine, 3);
    const reader = machine.thread(3, function* reads(cpu) {
      rcuReadLock(cpu);
      yield* work(50e6);
      rcuReadUnlock(cpu);
    });
    const third = machine.thread(0, function* waiting(cpu) {
      yield* call(synchronizeRcu, cpu);
    });
    machine.finish(third);
    expect(third.ended).toBeGreaterThanOrEqual(reader.ended);
    machine.settle();
  });
});
