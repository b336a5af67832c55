import { type Cpu, defineFunction, flushWorkqueue, queueNewWork } from '@kmemlab/kernel';
import { type Coroutine, call, work } from '@kmemlab/machine';
import { describe, expect, test } from 'vitest';
import { Lab } from './lab.js';

type Queue = Parameters<typeof queueNewWork>[1];

interface Run {
  readonly item: number;
  readonly cpu: number;
  readonly begin: number;
  end: number;
}

let runs: Run[] = [];

const busyItem = defineFunction('work', 'test_busy_item', function* busyItem(cpu: Cpu, item: number): Coroutine<void> {
  const run = { item, cpu: cpu.id, begin: cpu.now(), end: 0 };
  runs.push(run);
  for (let part = 0; part < 10; part++) yield* work(2000);
  run.end = cpu.now();
});

/** Queue `count` items from one CPU and flush; answers with the runs seen when the flush returned. */
function queueAndFlush(lab: Lab, from: number, queue: Queue, count: number): readonly Run[] {
  runs = [];
  const cpu = lab.machine.cpus[from] as Cpu;
  let flushed: readonly Run[] = [];
  cpu.spawn(
    'test',
    function* test(): Coroutine<void> {
      for (let item = 0; item < count; item++) yield* call(queueNewWork, cpu, queue, busyItem, item);
      yield* call(flushWorkqueue, cpu, queue);
      flushed = runs.map((run) => ({ ...run }));
    },
    [],
  );
  cpu.run();
  lab.machine.run(() => lab.machine.quiet, 1_000_000);
  return flushed;
}

const overlap = (seen: readonly Run[]): number =>
  Math.max(...seen.map((run) => seen.filter((other) => other.begin <= run.begin && run.begin < other.end).length));

describe.each(['time', 'random'] as const)('strategy %s', (strategy) => {
  test('bound items run on the CPU that queued them', () => {
    const seen = queueAndFlush(new Lab({ nodes: 2, cpus: 2, strategy }), 3, 'system_wq', 6);
    expect(seen.map(({ cpu }) => cpu)).toEqual(new Array(6).fill(3));
  });

  test('unbound items run on CPUs of the queuing CPU’s node, several at a time', () => {
    const seen = queueAndFlush(new Lab({ nodes: 2, cpus: 4, strategy }), 5, 'events_unbound', 12);
    expect(seen).toHaveLength(12);
    expect(seen.every(({ cpu }) => cpu >= 4)).toBe(true);
    expect(overlap(seen)).toBeGreaterThan(1);
  });

  test('ordered items run one at a time in the order in which they were queued, on any node', () => {
    const seen = queueAndFlush(new Lab({ nodes: 2, cpus: 4, strategy }), 5, 'memcg_kmem_cache_create', 12);
    expect(seen.map(({ item }) => item)).toEqual([...Array(12).keys()]);
    expect(overlap(seen)).toBe(1);
  });

  test('a flush returns when all items queued before it have finished', () => {
    for (const queue of ['system_wq', 'events_unbound', 'cgroup_destroy', 'memcg_kmem_cache_create'] as const) {
      const seen = queueAndFlush(new Lab({ nodes: 2, cpus: 2, strategy, seed: 5 }), 1, queue, 8);
      expect(
        seen.filter(({ end }) => end > 0),
        queue,
      ).toHaveLength(8);
    }
  });
});
