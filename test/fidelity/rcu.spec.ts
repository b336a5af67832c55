import { type Cpu, defineFunction, Flavour, patchApi } from '@kmemlab/kernel';
import type { Coroutine } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { Lab } from './lab.js';

const { call, callRcu, rcuBarrier, synchronizeSched, work } = patchApi;

/** Callbacks of these tests in the order in which they were invoked: CPU and number. */
const invoked: { readonly cpu: number; readonly number: number; readonly time: number }[] = [];

// biome-ignore lint/correctness/useYield: a callback that only leaves a note
defineFunction('rcu', 'spec_callback', function* specCallback(cpu, number) {
  invoked.push({ cpu: cpu.id, number, time: cpu.now() });
});

defineFunction('rcu', 'spec_slow_callback', function* specSlowCallback(cpu, number) {
  yield* work(2e6);
  invoked.push({ cpu: cpu.id, number, time: cpu.now() });
});

interface Ran {
  began: number;
  ended: number;
}

/** Run kernel code on a CPU in a thread of its own. */
function kernelThread(lab: Lab, id: number, code: (cpu: Cpu) => Coroutine<void>): Ran {
  const cpu = lab.cpu(id);
  const ran: Ran = { began: cpu.now(), ended: 0 };
  cpu.spawn(
    'spec',
    function* spec() {
      yield* call(code, cpu);
      ran.ended = cpu.now();
    },
    [],
  );
  cpu.run();
  return ran;
}

function* waitForReaders(cpu: Cpu): Coroutine<void> {
  yield* call(synchronizeSched, cpu);
}

function* barrier(cpu: Cpu): Coroutine<void> {
  yield* call(rcuBarrier, cpu);
}

/** A lab with nobody's callbacks pending and no notes. */
function quietLab(options: { cpus?: number; nodes?: number; seed?: number; strategy?: 'time' | 'random' } = {}): Lab {
  const lab = new Lab(options);
  invoked.length = 0;
  return lab;
}

describe('synchronize_sched', () => {
  it.each(['time', 'random'] as const)(
    'returns only after a reader with preemption off on another CPU has ended, strategy %s',
    (strategy) => {
      for (const nodes of [1, 2]) {
        const lab = quietLab({ nodes, cpus: 4 / nodes, strategy });
        const reader = kernelThread(lab, 3, function* preemptionOff(cpu) {
          cpu.preemptCount++;
          yield* work(70e6);
          cpu.preemptCount--;
        });
        const sync = kernelThread(lab, 0, waitForReaders);
        lab.until(() => sync.ended > 0);
        expect(reader.ended).toBeGreaterThan(70e6);
        expect(sync.ended).toBeGreaterThanOrEqual(reader.ended);
      }
    },
  );

  it('returns only after a region with interrupts off on another CPU has ended', () => {
    const lab = quietLab();
    const region = kernelThread(lab, 2, function* irqsOff(cpu) {
      const saved = cpu.irqSave();
      yield* work(40e6);
      cpu.irqRestore(saved);
    });
    const sync = kernelThread(lab, 0, waitForReaders);
    lab.until(() => sync.ended > 0);
    expect(sync.ended).toBeGreaterThanOrEqual(region.ended);
  });

  it('takes one or two grace periods with the other CPUs idle, without interrupting them', () => {
    for (const nodes of [1, 2]) {
      const lab = quietLab({ nodes, cpus: 4 / nodes });
      const calls = lab.calls(() => {
        const grown = lab.growth(['rcu_grace_periods'], () => {
          const sync = kernelThread(lab, 0, waitForReaders);
          lab.until(() => sync.ended > 0);
          expect(sync.ended - sync.began).toBeGreaterThan(lab.cpu(0).jiffy / 2);
          expect(sync.ended - sync.began).toBeLessThan(40e6);
        });
        expect([1, 2]).toContain(grown.rcu_grace_periods);
      });
      expect(calls).toEqual([0, 0, 0, 0]);
    }
  });

  it('returns at once with one CPU', () => {
    const lab = quietLab({ cpus: 1 });
    const grown = lab.growth(['rcu_grace_periods', 'synchronize_sched'], () => {
      const sync = kernelThread(lab, 0, waitForReaders);
      lab.until(() => sync.ended > 0);
      expect(sync.ended - sync.began).toBeLessThan(100_000);
    });
    expect(grown).toEqual({ rcu_grace_periods: 0, synchronize_sched: 1 });
  });
});

describe('call_rcu', () => {
  it('runs the callbacks of a CPU on that CPU in the order in which they were queued (RCU-2)', () => {
    const lab = quietLab();
    for (const id of [1, 2]) {
      kernelThread(lab, id, function* queues(cpu) {
        for (let n = 0; n < 40; n++) {
          yield* call(callRcu, cpu, 'spec_callback', n);
          if (n % 13 === 12) yield* work(7e6);
        }
      });
    }
    lab.settle();
    for (const id of [1, 2]) {
      const numbers = invoked.filter(({ cpu }) => cpu === id).map(({ number }) => number);
      expect(numbers).toEqual(Array.from({ length: 40 }, (_, n) => n));
    }
  });

  it('runs no callback before a reader that was in progress when it was queued has ended (RCU-1)', () => {
    const lab = quietLab();
    const reader = kernelThread(lab, 1, function* preemptionOff(cpu) {
      cpu.preemptCount++;
      yield* work(33e6);
      cpu.preemptCount--;
    });
    kernelThread(lab, 2, function* queues(cpu) {
      yield* call(callRcu, cpu, 'spec_callback', 1);
    });
    lab.settle();
    expect(invoked).toHaveLength(1);
    expect(invoked[0]?.time).toBeGreaterThanOrEqual(reader.ended);
  });
});

describe('rcu_barrier', () => {
  it.each(['time', 'random'] as const)(
    'waits for every callback queued before it on any CPU (RCU-5), strategy %s',
    (strategy) => {
      for (const nodes of [1, 2]) {
        const lab = quietLab({ nodes, cpus: 4 / nodes, strategy, seed: 5 });
        for (let id = 0; id < 4; id++) {
          kernelThread(lab, id, function* queues(cpu) {
            for (let n = 0; n < 25; n++) yield* call(callRcu, cpu, 'spec_callback', n);
          });
        }
        lab.until(() => lab.machine.cpus.every((cpu) => cpu.rcu.length >= 25));
        let seen = -1;
        const waits = kernelThread(lab, 0, function* barrierThenLook(cpu) {
          yield* call(rcuBarrier, cpu);
          seen = invoked.length;
        });
        lab.until(() => waits.ended > 0);
        expect(seen).toBe(100);
      }
    },
  );

  it('waits for a callback that is being invoked', () => {
    const lab = quietLab();
    kernelThread(lab, 1, function* queues(cpu) {
      yield* call(callRcu, cpu, 'spec_slow_callback', 7);
    });
    // The callback has begun: its CPU is in the softirq, but the note is not left yet.
    lab.until(() => lab.cpu(1).rcu.sched.length === 1 && lab.cpu(1).rcu.sched.callbacks.isEmpty);
    expect(invoked).toHaveLength(0);
    const waits = kernelThread(lab, 0, barrier);
    lab.until(() => waits.ended > 0);
    expect(invoked).toHaveLength(1);
  });

  it('costs neither a grace period nor an interrupt when nobody has callbacks', () => {
    const lab = quietLab();
    const calls = lab.calls(() => {
      const grown = lab.growth(['rcu_grace_periods', 'rcu_barrier.executed'], () => {
        const waits = kernelThread(lab, 0, barrier);
        lab.until(() => waits.ended > 0);
      });
      expect(grown).toEqual({ rcu_grace_periods: 0, 'rcu_barrier.executed': 1 });
    });
    expect(calls).toEqual([0, 0, 0, 0]);
  });

  it('interrupts only the CPUs that have callbacks', () => {
    const lab = quietLab();
    for (const id of [0, 2]) {
      kernelThread(lab, id, function* queues(cpu) {
        yield* call(callRcu, cpu, 'spec_callback', id);
      });
    }
    lab.until(() => [0, 2].every((id) => lab.cpu(id).rcu.length === 1));
    const calls = lab.calls(() => {
      const waits = kernelThread(lab, 0, barrier);
      lab.until(() => waits.ended > 0);
    });
    expect(calls).toEqual([0, 0, 1, 0]);
  });

  it('serves requests that come while another barrier runs with one more, not with one each (RCU-6)', () => {
    const lab = quietLab();
    kernelThread(lab, 3, function* queues(cpu) {
      yield* call(callRcu, cpu, 'spec_callback', 0);
    });
    lab.until(() => lab.cpu(3).rcu.length === 1);
    const grown = lab.growth(['rcu_barrier.requested', 'rcu_barrier.executed'], () => {
      const first = kernelThread(lab, 0, barrier);
      lab.until(() => (lab.machine.nodes[0]?.rcuRoots.of(Flavour.sched).barrierSequence ?? 0) % 2 === 1);
      const others = [kernelThread(lab, 1, barrier), kernelThread(lab, 2, barrier), kernelThread(lab, 0, barrier)];
      lab.until(() => [first, ...others].every(({ ended }) => ended > 0));
    });
    expect(grown).toEqual({ 'rcu_barrier.requested': 4, 'rcu_barrier.executed': 2 });
  });
});
