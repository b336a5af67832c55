import { callCount } from '@kmemlab/results';
import { describe, expect, test } from 'vitest';
import { allCpuCallsSentBy, kicks, run, sum } from './run.js';

/*
 * What Linux 4.10.17 did, with and without the 2017 change, for 100 memcgs: caches created when the creation queue had
 * drained, kicks, and the sum of the CAL row. Measured on the real kernel; NUMA makes no difference.
 */
const measured = [
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 1, created: 300, kicks: 300, cal: 0 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 2, created: 300, kicks: 300, cal: 300 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 4, created: 300, kicks: 300, cal: 900 },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 2, created: 300, kicks: 300, cal: 900 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 8, created: 300, kicks: 300, cal: 2100 },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 4, created: 300, kicks: 300, cal: 2100 },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 16, created: 300, kicks: 300, cal: 4500 },
  { kernel: 'v4.10+avoid-kick-on-create', nodes: 1, cpusPerNode: 2, created: 300, kicks: 0, cal: 0 },
  { kernel: 'v4.10+avoid-kick-on-create', nodes: 1, cpusPerNode: 4, created: 300, kicks: 0, cal: 0 },
];

describe.each(measured)('$kernel on $nodes x $cpusPerNode', ({ kernel, nodes, cpusPerNode, ...cell }) => {
  const cpus = nodes * cpusPerNode;
  const request = { experiment: 'avoid-ipis', kernel, nodes, cpusPerNode };

  test.each(['time', 'random'] as const)('creates and kicks as measured, strategy %s', async (strategy) => {
    const { counters, outcome, verdicts } = await run({ ...request, strategy, seed: 7 });
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect(counters.caches.created).toBe(cell.created);
    expect(kicks(counters)).toBe(cell.kicks);
    expect(sum(counters.interrupts.CAL) + counters.ipi.merged).toBe(cell.cal);
    expect(counters.ipi.sent).toBe(cell.cal);
  });

  test('every CPU counts the kicks that it did not send', async () => {
    const { counters } = await run({ ...request, params: { placement: 'walk' } });
    const sent = allCpuCallsSentBy(counters, cpus);
    const expected = sent.map((own) => (cpus === 1 ? 0 : sum(sent) - own));
    expect(counters.interrupts.CAL.map((cal, cpu) => cal + (counters.ipi.mergedBy[cpu] ?? 0))).toEqual(expected);
  });

  test('removal shrinks every cache once, and shuts down those of freed memcgs', async () => {
    const { phases } = await run(request);
    const remove = phases.remove;
    if (remove === undefined) throw new Error('no phase remove');
    const shutdowns = callCount(remove, 'shutdown_cache');
    expect(callCount(remove, 'kmem_cache_shrink')).toBe(301 + shutdowns);
    expect(callCount(remove, 'synchronize_sched')).toBe(0);
    expect(remove.caches.destroyed).toBe(shutdowns);
    expect(remove.memcg.freed + remove.memcg.dying).toBe(100);
    expect(remove.ipi.sent).toBe((301 + shutdowns + kicks(remove)) * (cpus - 1));
  });
});

test.each([
  ['v4.10', 1],
  ['v4.10+avoid-kick-on-create', 0],
  ['v4.12', 0],
])('%s on ramfs: two caches per memcg, as its inodes come from inode_cache', async (kernel, kicksPerCache) => {
  const { counters } = await run({ experiment: 'avoid-ipis', kernel, nodes: 1, cpusPerNode: 4, config: 'ramfs' });
  // The last memcg has proc_inode_cache, too.
  expect(counters.caches.created).toBe(2 * 100 + 1);
  expect(kicks(counters)).toBe(counters.caches.created * kicksPerCache);
});

test('with a pause in each loop everything is created by its end, and negative dentries then pin nearly all memcgs', async () => {
  const { phases, findings } = await run({
    experiment: 'avoid-ipis',
    nodes: 1,
    cpusPerNode: 4,
    params: { pause: '20' },
  });
  expect(phases.create?.caches.created).toBe(300);
  expect(phases.remove?.memcg.dying).toBeGreaterThanOrEqual(90);
  const zombies = findings.find((finding) => finding.class === 'zombie-memcg');
  expect(zombies?.pinnedBy.negativeDentry).toBeGreaterThanOrEqual(90);
});

test('on one CPU everything is created by the end of the loop', async () => {
  const { phases } = await run({ experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 1 });
  expect(phases.create?.caches.created).toBe(300);
});

test('a script pinned to CPU0 almost never shares it with the creating worker', async () => {
  const { counters } = await run({ experiment: 'avoid-ipis', params: { placement: 'cpu0' } });
  expect(counters.interrupts.CAL[0]).toBeGreaterThanOrEqual(280);
});

test('slow creation leaves memcgs without caches, and then nearly all of them go', async () => {
  const scenarioText = 'experiment: avoid-ipis\nnodes: 1\ncpusPerNode: 4\ncosts: { slab.create: 400000 }\n';
  const { phases, counters } = await run({ experiment: 'lagging.yaml', scenarioText });
  expect(phases.create?.caches.created).toBeLessThan(150);
  expect(counters.caches.created).toBe(300);
  expect(phases.remove?.memcg.dying).toBeLessThanOrEqual(10);
});

test('the profile mail creates five caches per loop', async () => {
  const { counters } = await run({ experiment: 'avoid-ipis', params: { profile: 'mail', loops: '50' } });
  expect(counters.caches.created).toBe(250);
  expect(kicks(counters)).toBe(250);
});

test('one root cache after boot costs one kick, with the patch none', async () => {
  const before = await run({ experiment: 'avoid-ipis', params: { loops: '1' } });
  const after = await run({ experiment: 'avoid-ipis', kernel: 'v4.10+avoid-kick-on-create', params: { loops: '1' } });
  expect(before.rootCache).toEqual({ kicks: 1, ipis: 7 });
  expect(after.rootCache).toEqual({ kicks: 0, ipis: 0 });
  expect(kicks(before.phases.boot as never)).toBe(kicks(after.phases.boot as never));
});

test('modelled memory per memcg does not depend on their number', async () => {
  const machine = { experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 4 };
  const few = await run({ ...machine, params: { loops: '60' } });
  const many = await run({ ...machine, params: { loops: '600' } });
  const ratio = (many.memory?.perMemcgBytes ?? 0) / (few.memory?.perMemcgBytes ?? 1);
  expect(ratio).toBeGreaterThan(0.98);
  expect(ratio).toBeLessThan(1.02);
});

test('CAL and merged interrupts add up to the received ones on every CPU', async () => {
  for (const experiment of ['avoid-ipis', 'tune-slabinfo']) {
    const { counters } = await run({ experiment, strategy: 'random', seed: 3, nodes: 2, cpusPerNode: 3 });
    const sums = counters.interrupts.CAL.map((cal, cpu) => cal + (counters.ipi.mergedBy[cpu] ?? 0));
    expect(sums).toEqual(counters.ipi.receivedBy);
    expect(counters.ipi.received).toBe(counters.ipi.sent);
    expect(counters.ipi.sameNode + counters.ipi.crossNode).toBe(counters.ipi.sent);
  }
});
