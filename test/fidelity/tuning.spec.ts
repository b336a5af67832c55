import { callCount } from '@kmemlab/results';
import { describe, expect, test } from 'vitest';
import { kicks, run, sum } from './run.js';

const patched = 'v4.10+avoid-kick-on-create';

/*
 * What Linux 4.10.17 did when dentry was tuned through /proc/slabinfo: kicks, grace periods waited for, CAL. Measured on
 * the real kernel. On one CPU the measured grace periods with children followed earlier writes in the same boot, when the
 * shared arrays existed already; in a fresh boot the first write of each cache finds none.
 */
const measured = [
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 4, writes: 100, children: 0, kicks: 100, sync: 100, cal: 300 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 4, writes: 100, children: 10, kicks: 1100, sync: 1100, cal: 3300 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 4, writes: 10, children: 100, kicks: 1010, sync: 1010, cal: 3030 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 2, writes: 100, children: 10, kicks: 1100, sync: 1100, cal: 1100 },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 2, writes: 100, children: 0, kicks: 100, sync: 200, cal: 300 },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 2, writes: 10, children: 100, kicks: 1010, sync: 2020, cal: 3030 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 1, writes: 100, children: 0, kicks: 100, sync: 99, cal: 0 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 1, writes: 100, children: 10, kicks: 1100, sync: 1100 - 11, cal: 0 },
  { kernel: patched, nodes: 1, cpusPerNode: 4, writes: 100, children: 0, kicks: 100, sync: 100, cal: 300 },
  { kernel: patched, nodes: 1, cpusPerNode: 4, writes: 100, children: 10, kicks: 1100, sync: 1100, cal: 3300 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 2, writes: 100, children: 0, kicks: 100, sync: 100, cal: 100 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 2, writes: 10, children: 100, kicks: 1010, sync: 1010, cal: 1010 },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 2, writes: 100, children: 10, kicks: 1100, sync: 2200, cal: 3300 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 1, writes: 10, children: 100, kicks: 1010, sync: 1010 - 101, cal: 0 },
  { kernel: patched, nodes: 1, cpusPerNode: 4, writes: 10, children: 100, kicks: 1010, sync: 1010, cal: 3030 },
];

describe.each(measured)('$kernel on $nodes x $cpusPerNode, $children children', (cell) => {
  test('kicks once per cache and write, and waits once per node for a replaced shared array', async () => {
    const { kernel, nodes, cpusPerNode, writes, children } = cell;
    const params = { writes: String(writes), children: String(children) };
    const { counters, outcome, verdicts } = await run({
      experiment: 'tune-slabinfo',
      kernel,
      nodes,
      cpusPerNode,
      params,
    });
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect(kicks(counters)).toBe(cell.kicks);
    expect(callCount(counters, 'synchronize_sched')).toBe(cell.sync);
    expect(sum(counters.interrupts.CAL)).toBe(cell.cal);
    expect(counters.interrupts.CAL[0]).toBe(0);
  });
});

test.each([
  [1, 1, 10],
  [1, 4, 10],
  [2, 4, 5],
  [4, 4, 2],
])('v3.14 on %i x %i with %i children: one all-CPU call per cache and write', async (nodes, cpusPerNode, children) => {
  const params = { writes: '10', children: String(children) };
  const { counters } = await run({ experiment: 'tune-slabinfo', kernel: 'v3.14', nodes, cpusPerNode, params });
  expect(callCount(counters, 'do_tune_cpucache')).toBe(10 * (1 + children));
  expect(sum(counters.interrupts.CAL)).toBe(10 * (1 + children) * (nodes * cpusPerNode - 1));
});

describe('a CPU that is stopped between loading cpu_cache and storing', () => {
  const request = { experiment: 'tune-slabinfo', params: { irqOffCpu: '1' } };

  test.each([
    [1, 2],
    [1, 4],
    [2, 2],
    [2, 4],
    [4, 2],
  ])('is a use after free without the kick, on %i x %i', async (nodes, cpusPerNode) => {
    const { outcome, verdicts } = await run({ ...request, kernel: 'v4.10+never-kick', nodes, cpusPerNode });
    expect(outcome).toBe('violation');
    expect(verdicts[0]).toMatchObject({ class: 'use-after-free', id: 'SLAB-4' });
    expect(verdicts[0]?.steps.map((step) => step.cpu)).toEqual([0, 1]);
    expect(verdicts[0]?.steps.map((step) => step.function)).toEqual(['freeArraySet', 'cacheFree']);
  });

  test.each(['v4.10', patched])('is waited for by the kick of %s', async (kernel) => {
    const { outcome, durations } = await run({ ...request, kernel });
    expect(outcome).toBe('ok');
    expect(durations.kick_all_cpus_sync?.max).toBeGreaterThanOrEqual(500_000);
  });
});
