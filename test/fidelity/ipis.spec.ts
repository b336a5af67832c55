import { type Cpu, patchApi, sys, Trace, writeFile } from '@kmemlab/kernel';
import { type Coroutine, Vector } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

/* Interrupts of all-CPU calls, as measured on 4.10.17: N−1 each, the single vector with two CPUs, the mask vector with more. */

const machines = [
  { nodes: 1, cpus: 1 },
  { nodes: 1, cpus: 2 },
  { nodes: 2, cpus: 1 },
  { nodes: 1, cpus: 3 },
  { nodes: 1, cpus: 8 },
  { nodes: 2, cpus: 4 },
];

const tune = writeFile.bind(null, '/proc/slabinfo', 'dentry 120 60 8\n');

/** Run kernel code on a CPU in a thread of its own; the returned object tells when it ended. */
function kernelThread(lab: Lab, id: number, code: (cpu: Cpu) => Coroutine<void>): { ended: number | null } {
  const cpu = lab.cpu(id);
  const state: { ended: number | null } = { ended: null };
  cpu.spawn(
    'spec',
    function* spec() {
      yield* code(cpu);
      state.ended = cpu.now();
    },
    [],
  );
  cpu.run();
  return state;
}

describe.each(machines)('$nodes x $cpus', ({ nodes, cpus }) => {
  const count = nodes * cpus;

  it.each(['time', 'random'] as const)(
    'a kick interrupts every other CPU once and the kicking one not, strategy %s',
    (strategy) => {
      const lab = new Lab({ nodes, cpus, strategy, seed: 3 });
      const calls = lab.calls(() => {
        const { kick_all_cpus_sync: kicks } = lab.growth(['kick_all_cpus_sync'], () => lab.run(tune()));
        expect(kicks).toBe(1);
      });
      expect(calls).toEqual(Array.from({ length: count }, (_, cpu) => (cpu === 0 ? 0 : 1)));
    },
  );

  it('uses the single-call vector with two CPUs and the mask vector with more', () => {
    const lab = new Lab({ nodes, cpus });
    const events = lab.during(() => lab.run(tune()));
    const vectors = events.filter(({ point }) => point === Trace.ipiSend).map(({ args }) => args[1]);
    const vector = count === 2 ? Vector.callFunctionSingle : Vector.callFunction;
    expect(vectors).toEqual(Array.from({ length: count - 1 }, () => vector));
  });

  it('shrinks a cache with one interrupt to every other CPU, even though no CPU holds an object of it', () => {
    const lab = new Lab({ nodes, cpus });
    lab.run(sys.initModule('idle_cache', 100));
    const cache = lab.cpu(0).rootCache('idle_cache');
    const calls = lab.calls(() => {
      const shrink = kernelThread(lab, 0, function* shrinking(cpu) {
        yield* patchApi.call(patchApi.kmemCacheShrink, cpu, cache);
      });
      lab.until(() => shrink.ended !== null);
      lab.settle();
    });
    expect(calls).toEqual(Array.from({ length: count }, (_, cpu) => (cpu === 0 ? 0 : 1)));
  });
});

describe('a call to a CPU with interrupts off', () => {
  it('keeps a kick waiting until that CPU has left the region that it was in (SMP-5)', () => {
    const lab = new Lab({ cpus: 4 });
    let off = true;
    const region = kernelThread(lab, 2, function* irqsOff(cpu) {
      const saved = cpu.irqSave();
      yield* patchApi.work(3e6);
      off = false;
      cpu.irqRestore(saved);
    });
    const kick = kernelThread(lab, 0, function* kicking(cpu) {
      yield* patchApi.call(patchApi.kickAllCpusSync, cpu);
      expect(off).toBe(false);
    });
    const calls = lab.calls(() => lab.until(() => kick.ended !== null));
    expect(kick.ended).toBeGreaterThan(3e6);
    expect(region.ended).not.toBeNull();
    expect(calls).toEqual([0, 1, 1, 1]);
  });

  it('merges the interrupts of two callers into one, and one handler run serves both', () => {
    const lab = new Lab({ cpus: 4 });
    kernelThread(lab, 3, function* irqsOff(cpu) {
      const saved = cpu.irqSave();
      yield* patchApi.work(3e6);
      cpu.irqRestore(saved);
    });
    const kick = function* kicking(cpu: Cpu): Coroutine<void> {
      yield* patchApi.call(patchApi.kickAllCpusSync, cpu);
    };
    const calls = lab.calls(() => {
      const both = [kernelThread(lab, 0, kick), kernelThread(lab, 1, kick)];
      lab.until(() => both.every(({ ended }) => ended !== null));
      lab.until(() => lab.machine.interruptsInFlight === 0);
    });
    expect(lab.machine.merged[3]).toBe(1);
    expect(calls).toEqual([1, 1, 2, 1]);
  });
});

describe('creation of memcg caches', () => {
  it('kicks once for each cache that is created and not for a duplicate item', () => {
    const lab = new Lab({ cpus: 4 });
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    lab.run(writeFile('a/cgroup.procs', `${lab.taskPid}\n`));
    const names = ['memcg_kmem_cache_create_func', 'memcg_caches_created', 'kick_all_cpus_sync'] as const;
    const grown = lab.growth(names, () => {
      for (const file of ['/tmp/1', '/tmp/2', '/tmp/3']) lab.run(sys.create(file));
      lab.flushCreation();
    });
    expect(grown.memcg_caches_created).toBe(2);
    expect(grown.kick_all_cpus_sync).toBe(2);
    expect(grown.memcg_kmem_cache_create_func).toBeGreaterThan(2);
  });

  it('does not kick with avoid-kick-on-create, but does when a cache is tuned', () => {
    const lab = new Lab({ cpus: 4, patch: 'avoid-kick-on-create' });
    const { kick_all_cpus_sync: created } = lab.growth(['kick_all_cpus_sync'], () => lab.run(sys.initModule('m', 64)));
    const { kick_all_cpus_sync: tuned } = lab.growth(['kick_all_cpus_sync'], () => lab.run(tune()));
    expect([created, tuned]).toEqual([0, 1]);
  });
});
