import { type Program, sys, Trace, writeFile } from '@kmemlab/kernel';
import { describe, expect, test } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';
import { run } from './run.js';

const SECOND = 1e9;
const HZ = 250;

const ticksOf = (lab: Lab, cpu: number): number => lab.cpu(cpu).ownWords.interrupts.localTimer;

/** Something that queues work on the ordered creation queue, whose workers may run anywhere. */
function* createCaches(pid: number, memcgs: number): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let i = 0; i < memcgs; i++) {
    yield* sys.mkdir(`${i}`);
    yield* writeFile(`${i}/cgroup.procs`, `${pid}\n`);
    yield* sys.close(yield* sys.create(`/tmp/${i}`));
  }
  yield* sys.flushWorkqueue('memcg_kmem_cache_create');
}

describe('isolcpus=', () => {
  const isolcpus = [1, 3];

  test('kworkers that may run anywhere and tasks that are not pinned keep off; bound items and kicks do not', () => {
    const lab = new Lab({ nodes: 2, cpus: 2, config: { isolcpus } });
    const events = lab.during(() => {
      const pid = lab.machine.startProgram('walks', (own) => createCaches(own, 20), { kind: 'spread' });
      lab.finish(pid);
    });
    const creations = events.filter(({ point }) => point === Trace.cacheCreate);
    expect(creations.length).toBeGreaterThan(20);
    expect(creations.filter(({ cpu }) => isolcpus.includes(cpu))).toEqual([]);
    const allocations = events.filter(({ point }) => point === Trace.objectAlloc);
    expect(allocations.filter(({ cpu }) => isolcpus.includes(cpu))).toEqual([]);
    for (const cpu of isolcpus) expect(lab.cpu(cpu).ownWords.interrupts.call).toBeGreaterThanOrEqual(creations.length);
  });

  test('a pinned task runs there all the same', () => {
    const lab = new Lab({ cpus: 4, config: { isolcpus } });
    const events = lab.during(() => lab.finish(lab.start(sys.create('/tmp/pinned'), 3)));
    expect(events.some(({ point, cpu }) => point === Trace.objectAlloc && cpu === 3)).toBe(true);
  });

  test('the busy task of an isolated CPU is interrupted by its tick', () => {
    const lab = new Lab({ cpus: 4, config: { isolcpus } });
    const before = ticksOf(lab, 1);
    lab.run(sys.nanosleep(SECOND));
    expect(Math.abs(ticksOf(lab, 1) - before - HZ)).toBeLessThanOrEqual(1);
  });
});

describe('nohz_full=', () => {
  const config = { isolcpus: [2, 3], nohzFull: [3] };

  test('a CPU with one task in user mode has no tick', () => {
    const lab = new Lab({ cpus: 4, config });
    lab.settle();
    const before = [2, 3].map((cpu) => ticksOf(lab, cpu));
    lab.run(sys.nanosleep(SECOND));
    const [ticks = 0, none = 0] = [2, 3].map((cpu, index) => ticksOf(lab, cpu) - (before[index] ?? 0));
    expect(ticks).toBeGreaterThan(HZ / 2);
    // cache_reap wakes a kworker there once a second or two, which may meet a tick.
    expect(none).toBeLessThan(4);
  });

  test('user mode is an extended quiescent state, in which no grace period waits for the CPU', () => {
    const lab = new Lab({ cpus: 4, config });
    lab.settle();
    expect(lab.cpu(3).ownWords.dynticks % 2).toBe(0);
    expect(lab.cpu(2).ownWords.dynticks % 2).toBe(1);
    const before = lab.machine.modelTime;
    lab.run(sys.initModule('module_cache', 320));
    lab.run(writeFile('/proc/slabinfo', 'module_cache 40 20 8\n'));
    expect(lab.count('synchronize_sched')).toBeGreaterThan(0);
    expect(lab.machine.modelTime - before).toBeLessThan(0.1 * SECOND);
  });

  test('a CPU with work beside its task ticks, and its callbacks run', () => {
    const lab = new Lab({ cpus: 4, config });
    lab.settle();
    const before = ticksOf(lab, 3);
    const pid = lab.start(
      (function* frees(): Program<void> {
        yield* sys.close(yield* sys.create('/tmp/file'));
        yield* sys.unlink('/tmp/file');
      })(),
      3,
    );
    lab.finish(pid);
    lab.settle();
    expect(ticksOf(lab, 3)).toBeGreaterThan(before);
    expect(lab.cpu(3).rcu.length).toBe(0);
  });
});

describe('counters.isolated', () => {
  const request = { experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 4, isolcpus: '2-3', params: { loops: '5' } };

  test('has the CPUs that are isolated, with the kicks that each of them got', async () => {
    const { counters, machine, phases } = await run(request);
    expect(machine.isolcpus).toEqual([2, 3]);
    expect(counters.isolated?.map(({ cpu, CAL }) => [cpu, CAL])).toEqual([
      [2, counters.interrupts.CAL[2]],
      [3, counters.interrupts.CAL[3]],
    ]);
    for (const { CAL, stolenNs } of counters.isolated ?? []) expect(stolenNs).toBeGreaterThan(100 * CAL);
    expect(phases.remove?.isolated).toHaveLength(2);
  });

  test('a kernel without kicks on creation leaves them alone', async () => {
    const { counters } = await run({ ...request, kernel: 'v4.10+avoid-kick-on-create' });
    expect(counters.isolated?.map(({ CAL }) => CAL)).toEqual([0, 0]);
  });

  test('is not there without isolated CPUs', async () => {
    const { isolcpus: _, ...without } = request;
    const { counters, machine } = await run(without);
    expect(counters.isolated).toBeUndefined();
    expect(machine).toEqual({ nodes: 1, cpusPerNode: 4 });
  });
});
