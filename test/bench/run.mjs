// Benchmarks: `npm run bench`, `-- --help` for its flags. Compare ratios within one run, not times.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as machineLive from '@kmemlab/machine-live';
import { Bench } from 'tinybench';
import { twoCores } from '../../packages/coordinator/dist/floors/floors.js';
import { codec } from './codec.mjs';
import { effects } from './effects.mjs';
import { live } from './floors.mjs';
import { machine } from './machine.mjs';
import { phold } from './phold/phold.mjs';
import { queue } from './queue.mjs';
import { search } from './search/search.mjs';

const USAGE = `usage: npm run bench -- [--quick] [--pin] [--json]
  --quick  a look, in about a minute
  --pin    stay on fixed cores, as the limits ask for; needs taskset
  --json   a kmemlab.bench/1 document`;

const { quick, pin, json } = flags();
const cores = availableParallelism();
const EFFECTS = 20_000;
const HOLDS = 20_000;
const MESSAGES = 1_000;
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

/** Flags of the command line; anything else ends the program with one line. */
function flags() {
  const flag = { type: 'boolean', default: false };
  try {
    const { values } = parseArgs({ options: { quick: flag, pin: flag, json: flag, help: flag } });
    if (!values.help) return values;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message.split('. ')[0]}; npm run bench -- --help lists the flags`);
    process.exit(2);
  }
}

/** Keeps this thread on the first core from now on; processes that it starts too, unless they are placed. */
function stayOnOneCore() {
  const { status, error } = spawnSync('taskset', ['-pc', twoCores()[0], String(process.pid)]);
  if (status !== 0) throw new Error(`--pin needs taskset: ${error?.message ?? `it ended with ${status}`}`);
}

// First what places its own processes, then what runs on this thread.
const machines = await live({ quick, pin, env: process.env });
if (pin) stayOnOneCore();

const rows = await measure('effects', effects(EFFECTS), EFFECTS);
for (const pending of PENDING) rows.push(...(await measure(`${pending} pending events`, queue(pending, HOLDS), HOLDS)));
rows.push(...(await measure('codec, one small message', codec(MESSAGES, machineLive.pack && machineLive), MESSAGES)));
const { events, runs } = machine(quick ? 100 : 500);
rows.push(...(await measure('events of avoid-ipis, 8 CPUs', runs, events)));
const simulators = phold({ quick });
const searched = search({ quick });

const line = (name, ...cells) => console.log(`  ${name.padEnd(28)}${cells.map((cell) => cell.padStart(12)).join('')}`);
const million = (count) => `${(count / 1e6).toFixed(2)} M`;
const micro = (ns) => `${(ns / 1000).toFixed(1)} us`;

function printLive({ floors, figures, pinned, broker }) {
  console.log(`floors, ${pinned ? 'pinned' : 'not pinned'}, on ${cores} cores; ${broker}`);
  for (const { name, medianNs, p99Ns, ratio } of floors)
    line(name, micro(medianNs), micro(p99Ns), `${ratio.toFixed(2)}x`);
  console.log('\nlive machine, against its floor in turns');
  for (const { name, pending, medianNs, p99Ns, ratio, limit, within } of figures) {
    const verdict = limit === undefined ? '' : within ? `<= ${limit}x` : `over ${limit}x`;
    if (pending) line(name, 'not built');
    else line(name, micro(medianNs), micro(p99Ns), `${ratio.toFixed(2)}x`, verdict);
  }
}

function printPhold({ actors, target, reached, rows: programs }) {
  console.log(`\nPHOLD, ${actors} actors, events per second`);
  for (const { name, available, eventsPerSecond, ratio } of programs) {
    if (available) line(name, million(eventsPerSecond), `${ratio.toFixed(2)}x`);
    else line(name, 'not available');
  }
  console.log(`  target ${million(target)}: ${reached ? 'reached' : 'missed'}`);
}

function printSearch({ schedulesPerSecond, eventsPerSchedule, target, reached }) {
  console.log(`\nsearch, tune-slabinfo on 2 x 2 CPUs, schedules per second of a core`);
  line('pct, depth 3', `${schedulesPerSecond}`, `${Math.round(eventsPerSchedule)} events`);
  console.log(`  target ${target}: ${reached ? 'reached' : 'missed'}`);
}

if (json) {
  const about = { node: process.version, cores, quick, pin };
  console.log(
    JSON.stringify(
      { schema: 'kmemlab.bench/1', ...about, rows, phold: simulators, search: searched, live: machines },
      null,
      2,
    ),
  );
} else {
  printLive(machines);
  let group = '';
  for (const row of rows) {
    if (row.group !== group) console.log(`\n${row.group}`);
    group = row.group;
    line(row.name, `${row.nsPerStep} ns`, `${row.ratio.toFixed(2)}x`);
  }
  printPhold(simulators);
  printSearch(searched);
}
