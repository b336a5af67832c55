// Makes docs/figures/barrier.csv, barrier-memcgs.svg, barrier-cpus.svg and barrier-steps.svg: `node docs/figures/barrier.mjs` after
// the build, some minutes.
import { writeFileSync } from 'node:fs';
import { resolveScenario, runScenario } from '@kmemlab/experiments';
import { callCount, lineChart } from '@kmemlab/results';

const HELD = 'cgroup-knobs:barrierHoldsCgroupMutex=1';
const KERNELS = {
  'v4.10': '4.10, as its source does',
  [`v4.10+${HELD}`]: '4.10, barrier under cgroup_mutex',
  'v4.10+async-rcu-barrier': 'async-rcu-barrier',
  [`v4.10+async-rcu-barrier+${HELD}`]: 'async-rcu-barrier, rest under cgroup_mutex',
};
const LISTS = {
  'v4.10': '4.10',
  'v4.10+per-memcg-cache-lists': 'per-memcg-cache-lists',
};
const MEMCGS = [10, 20, 50, 100, 200, 500];
const CPUS = [2, 4, 8, 16, 32];
const USUAL_CPUS = 4;
const USUAL_MEMCGS = 100;

/** What others waited while the memcgs went, and the steps along lists of caches, on one node. */
async function removal(kernel, memcgs, cpus, bystander = 1) {
  const params = { memcgs: String(memcgs), bystander: String(bystander) };
  const machine = { nodes: 1, cpusPerNode: cpus };
  const request = { experiment: 'barrier-batching', engine: 'sim', ...machine, kernel, params };
  const { outcome, counters, durations } = await runScenario(await resolveScenario(request));
  if (outcome !== 'ok') throw new Error(`${kernel}: ${outcome}`);
  process.stderr.write(`${kernel}, ${memcgs} memcgs, ${cpus} CPUs\n`);
  const calls = ['bystander.mkdir', 'bystander.rmdir'].map((name) => durations[name]).filter((call) => call);
  return {
    waitedNs: Math.round(calls.reduce((sum, { count, mean, p50 }) => sum + Math.max(0, count * (mean - p50)), 0)),
    longestNs: Math.max(0, ...calls.map(({ max }) => max)),
    barriers: counters.calls.rcu_barrier.requested,
    steps: bystander === 1 ? '' : callCount(counters, 'cache_list_steps'),
  };
}

const rows = [];

async function row(kernel, memcgs, cpus, bystander) {
  rows.push({ kernel, memcgs, cpus, bystander, ...(await removal(kernel, memcgs, cpus, bystander)) });
}

for (const kernel of Object.keys(KERNELS)) {
  for (const memcgs of MEMCGS) await row(kernel, memcgs, USUAL_CPUS, 1);
  for (const cpus of CPUS) if (cpus !== USUAL_CPUS) await row(kernel, USUAL_MEMCGS, cpus, 1);
}
for (const kernel of Object.keys(LISTS)) for (const memcgs of MEMCGS) await row(kernel, memcgs, USUAL_CPUS, 0);

const columns = ['kernel', 'memcgs', 'cpus', 'bystander', 'waitedNs', 'longestNs', 'barriers', 'steps'];
const table = rows.map((values) => columns.map((column) => values[column]).join());
writeFileSync(new URL('barrier.csv', import.meta.url), `${[columns.join(), ...table].join('\n')}\n`);

const seriesOf = (kernels, chosen, point) =>
  Object.entries(kernels).map(([kernel, name]) => ({
    name,
    points: rows
      .filter((values) => values.kernel === kernel && chosen(values))
      .sort((a, b) => a.memcgs - b.memcgs || a.cpus - b.cpus)
      .map(point),
  }));

const MS = 1e6;
const waited = { label: 'waited by a bystander, model time', unit: 'ms', scale: 'log10' };
const charts = {
  'barrier-memcgs.svg': {
    title: 'How long other cgroup operations wait, by memcgs removed',
    description: `Time that a task waits which makes and removes cgroups elsewhere, against the number of memcgs removed, on ${USUAL_CPUS} CPUs: with the barrier under cgroup_mutex it rises with every memcg, with async-rcu-barrier it stays near 0.`,
    x: { label: 'memcgs removed', scale: 'log10' },
    y: waited,
    series: seriesOf(
      KERNELS,
      ({ cpus, bystander }) => cpus === USUAL_CPUS && bystander === 1,
      ({ memcgs, waitedNs }) => ({ x: memcgs, y: waitedNs / MS }),
    ),
  },
  'barrier-cpus.svg': {
    title: 'How long other cgroup operations wait, by CPUs',
    description: `Time that a task waits which makes and removes cgroups elsewhere, while ${USUAL_MEMCGS} memcgs are removed, against the number of CPUs.`,
    x: { label: 'CPUs', scale: 'log2' },
    y: waited,
    series: seriesOf(
      KERNELS,
      ({ memcgs, bystander }) => memcgs === USUAL_MEMCGS && bystander === 1,
      ({ cpus, waitedNs }) => ({ x: cpus, y: waitedNs / MS }),
    ),
  },
  'barrier-steps.svg': {
    title: 'Steps along lists of caches, under slab_mutex',
    description:
      'Steps along lists of caches while memcgs are removed, against their number: 4.10 rises with the square of it, lists of its own for each memcg with the number itself.',
    x: { label: 'memcgs removed', scale: 'log10' },
    y: { label: 'steps in all', scale: 'log10' },
    series: seriesOf(
      LISTS,
      ({ bystander }) => bystander === 0,
      ({ memcgs, steps }) => ({ x: memcgs, y: steps }),
    ),
  },
};
for (const [file, chart] of Object.entries(charts)) writeFileSync(new URL(file, import.meta.url), lineChart(chart));
