import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Schedules per second that a core has to reach. */
const TARGET = 1_000;

const program = fileURLToPath(new URL('./program.mjs', import.meta.url));

/** Schedules of tune-slabinfo on 2 x 2 CPUs per second of one core's time, in a process of its own. */
export function search({ quick }) {
  const args = quick ? [2_000, 1_000] : [8_000, 5_000];
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [program, ...args.map(String)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the search of the bench ended with ${status}: ${error?.message ?? stderr}`);
  const [nsPerSchedule, eventsPerSchedule] = stdout.split(' ').map(Number);
  const schedulesPerSecond = Math.round(1e9 / nsPerSchedule);
  return { schedulesPerSecond, eventsPerSchedule, target: TARGET, reached: schedulesPerSecond >= TARGET };
}
