// Runs in a row, every second one with a fault at a random moment: `node test/faults/soak.mjs --runs 100 [--seed 1]`.
// A line for each run, then a table. Exit status 1 if a run hangs, ends without a name for it, or leaves a process.
import { parseArgs } from 'node:util';
import { plan, soakRun } from './soak-run.mjs';

/** How long a run is taken to last before one has been seen, ms. */
const GUESS_MS = 6_000;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const runs = Number(values.runs);
const first = Number(values.seed);

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function line({ seed, experiment, param, nodes, cpusPerNode, broker, fault, atMs, end, ms, problems, detail }) {
  const what = `${experiment} ${param} ${nodes}x${cpusPerNode}${broker.KMEMLAB_BROKER === 'embedded' ? ' embedded' : ''}`;
  const which = fault === undefined ? '' : `, ${fault} at ${seconds(atMs)}`;
  return [`${seed} ${what}${which}: ${end} after ${seconds(ms)}`, detail, ...problems.map((text) => `WRONG: ${text}`)]
    .filter((text) => text !== '')
    .join('\n    ');
}

const table = new Map();
/** How long runs without a fault have lasted, by the machine's size, ms. */
const lasted = new Map();
const usualMs = (size) => lasted.get(size) ?? GUESS_MS;
let wrong = 0;
for (let seed = first; seed < first + runs; seed++) {
  const result = await soakRun(plan(seed, usualMs));
  const size = `${result.nodes}x${result.cpusPerNode}`;
  if (result.fault === undefined) lasted.set(size, (usualMs(size) + result.ms) / 2);
  wrong += result.problems.length > 0;
  const row = `${(result.fault ?? 'no fault').padEnd(24)} ${result.end}`;
  table.set(row, (table.get(row) ?? 0) + 1);
  console.log(line(result));
}
console.log(`\n${runs} runs, ${wrong} wrong`);
for (const [row, count] of [...table].sort()) console.log(`${String(count).padStart(4)}  ${row}`);
process.exitCode = wrong > 0 ? 1 : 0;
