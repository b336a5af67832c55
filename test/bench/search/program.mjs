// What a thread of `kmemlab check` does, alone: usage program.mjs WARM-UP SCHEDULES. Prints ns of CPU time per schedule, those of the
// collector's and the compiler's threads included, once the code is compiled as far as it gets, and events per schedule.
import { resolveCheck } from '../../../packages/experiments/dist/check/check.js';
import { prepare, trySchedules } from '../../../packages/experiments/dist/check/try-schedules.js';

/** Schedules between two readings of the clock. */
const PORTION = 100;

const [warmUp, schedules] = process.argv.slice(2).map(Number);
const plan = await resolveCheck({ run: { experiment: 'tune-slabinfo', kernel: 'v4.10', nodes: 2, cpusPerNode: 2 } });
const prepared = await prepare(plan);
const search = (first, count) => trySchedules(prepared, plan, { first, count, given: [], expand: 0 });

await search(0, warmUp);
const portions = [];
let events = 0;
for (let first = warmUp; first < warmUp + schedules; first += PORTION) {
  const begin = process.cpuUsage();
  const { steps } = await search(first, PORTION);
  const { user, system } = process.cpuUsage(begin);
  portions.push((1000 * (user + system)) / PORTION);
  events += steps;
}
const median = portions.toSorted((a, b) => a - b)[Math.floor(portions.length / 2)];
console.log(`${median} ${events / schedules}`);
