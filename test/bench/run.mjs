// Benchmarks: `npm run bench`, with --quick for a look, --json for programs. Compare ratios within one run, not times.
import { Bench } from 'tinybench';
import { effects } from './effects.mjs';
import { machine } from './machine.mjs';
import { queue } from './queue.mjs';

const quick = process.argv.includes('--quick');
const EFFECTS = 20_000;
const HOLDS = 20_000;
const PENDING = [1_000, 100_000];

/** Times each function and returns rows of ns per step, with the ratio to the first. */
async function measure(group, functions, steps) {
  const bench = new Bench({ time: quick ? 300 : 2000, warmupTime: quick ? 100 : 500, iterations: 3 });
  for (const [name, fn] of Object.entries(functions)) bench.add(name, fn);
  await bench.run();
  const medians = bench.tasks.map((task) => (task.result.latency.p50 * 1e6) / steps);
  return bench.tasks.map((task, i) => ({
    group,
    name: task.name,
    nsPerStep: Number(medians[i].toFixed(1)),
    ratio: Number((medians[i] / medians[0]).toFixed(2)),
    runs: task.result.latency.samplesCount,
  }));
}

const rows = await measure('effects', effects(EFFECTS), EFFECTS);
for (const pending of PENDING) rows.push(...(await measure(`${pending} pending events`, queue(pending, HOLDS), HOLDS)));
const { events, runs } = machine(quick ? 100 : 500);
rows.push(...(await measure('events of avoid-ipis, 8 CPUs', runs, events)));

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ schema: 'kmemlab.bench/1', node: process.version, rows }, null, 2));
} else {
  let group = '';
  for (const row of rows) {
    if (row.group !== group) console.log(`\n${row.group}`);
    group = row.group;
    const cells = [row.name.padEnd(28), `${row.nsPerStep} ns`.padStart(12), `${row.ratio.toFixed(2)}x`.padStart(9)];
    console.log(`  ${cells.join('')}`);
  }
}
