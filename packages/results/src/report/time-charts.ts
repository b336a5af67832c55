import { barChart } from '../chart/bar.js';
import { lineChart } from '../chart/line.js';
import { quarterBelow } from '../histogram.js';
import { firstOf, type KernelRuns } from '../kernel-runs.js';
import type { Clock, Duration, RunResult } from '../schema.js';
import type { NamedChart } from './types.js';

const KICK = {
  kick_all_cpus_sync: 'whole kick',
  'kick.send': 'send',
  'kick.delivery': 'delivery',
  'kick.irqOffWait': 'interrupts-off wait',
  'kick.handler': 'handler',
  'kick.ack': 'acknowledgement',
} as const;

const LOCKS: Readonly<Record<string, string>> = Object.fromEntries(
  ['slab_mutex', 'cgroup_mutex', 'rcu_barrier_mutex'].flatMap((lock) => [
    [`${lock}.hold`, `${lock} hold`],
    [`${lock}.wait`, `${lock} wait`],
  ]),
);

const CLOCKS: Readonly<Record<Clock, string>> = {
  model: 'Times are model time: simulated nanoseconds, the same on every computer',
  host: 'Times are host time, measured on the computer that ran it',
};

/** A duration that was measured at all, in this clock if one is given. */
function measured(run: RunResult, key: string, clock?: Clock): Duration | undefined {
  const duration = run.durations[key];
  if (duration === undefined || duration.count === 0) return undefined;
  return clock === undefined || duration.clock === clock ? duration : undefined;
}

/** The clock of the first kernel that has one of these durations. */
const clockOf = (groups: readonly KernelRuns[], keys: readonly string[]): Clock | undefined =>
  groups
    .flatMap((group) => keys.map((key) => measured(firstOf(group), key)?.clock))
    .find((clock) => clock !== undefined);

/** Durations by name: p50, from there to p99 as a range, without those that hardly ever took any time. Undefined if no kernel has any of them. */
function bars(
  groups: readonly KernelRuns[],
  { name, title, what }: { name: string; title: string; what: string },
  shown: Readonly<Record<string, string>>,
): NamedChart | undefined {
  const keys = Object.keys(shown).filter((key) =>
    groups.some((group) => (measured(firstOf(group), key)?.p99 ?? 0) > 0),
  );
  const clock = clockOf(groups, keys);
  if (clock === undefined) return undefined;
  const all = groups.flatMap((group) => keys.map((key) => measured(firstOf(group), key, clock)));
  const positive = all.flatMap((duration) => (duration ? [duration.p50, duration.p99] : [])).filter((ns) => ns > 0);
  // The foot of the axis: a bar of what took no time has no height.
  const foot = 10 ** Math.floor(Math.log10(Math.min(...positive)));
  const series = groups
    .map((group) => ({
      name: group.kernel,
      values: keys.map((key) => {
        const duration = measured(firstOf(group), key, clock);
        const half = Math.max(duration?.p50 ?? 0, foot);
        return duration && { y: half, low: half, high: Math.max(duration.p99, half) };
      }),
    }))
    .filter(({ values }) => values.some((value) => value !== undefined));
  const x = {
    label: `${clock} time; bar: half were shorter, line: 99 of 100 were`,
    categories: keys.map((key) => shown[key] as string),
  };
  const caption = `${what} The axis is logarithmic. Half of all were shorter than the bar, 99 of 100 shorter than the end of the line above it. ${CLOCKS[clock]}.`;
  return {
    name,
    title,
    caption,
    svg: barChart({ title, description: caption, x, y: { label: 'time', unit: 'ns', scale: 'log10' }, series }),
  };
}

/** Of a distribution that is worth a picture: with fewer, all took about the same time. */
const FEWEST_POINTS = 8;
/** A logarithmic axis has no 0. */
const LEAST_NS = 0.5;

/** Share of all that took less than so long, a line for each kernel. */
function distribution(groups: readonly KernelRuns[], key: string, name: string, title: string): NamedChart | undefined {
  const clock = clockOf(groups, [key]);
  if (clock === undefined) return undefined;
  const series = groups.flatMap((group) => {
    const { distribution: held, count = 0 } = measured(firstOf(group), key, clock) ?? {};
    if (held === undefined) return [];
    let sum = 0;
    const points = held.below.flatMap((x, n) => {
      const before = sum;
      sum += held.counts[n] ?? 0;
      // None between the bound before and the last one that had any: the line is level there.
      const from = { x: Math.max(quarterBelow(x), LEAST_NS), y: (100 * before) / count };
      return [from, { x, y: (100 * sum) / count }];
    });
    return [{ name: group.kernel, points }];
  });
  if (series.every(({ points }) => points.length < FEWEST_POINTS)) return undefined;
  const caption = `How many of 100 took less than so long; steep is steady, a long way to the right is a tail. ${CLOCKS[clock]}.`;
  const axes = {
    x: { label: `shorter than (${clock} time)`, unit: 'ns', scale: 'log10' },
    y: { label: 'of 100' },
  } as const;
  return { name, title, caption, svg: lineChart({ title, description: caption, ...axes, series, markers: false }) };
}

/** The parts of a kick, how kicks spread, and the locks. */
export function timeCharts(groups: readonly KernelRuns[]): (NamedChart | undefined)[] {
  const kick = {
    name: 'kick-latency',
    title: 'Latency of kick_all_cpus_sync and its parts',
    what: 'How long it takes until every other CPU has answered, and where the time goes on the way to the CPU that answered last and back.',
  };
  const locks = {
    name: 'locks',
    title: 'How long locks are held and waited for',
    what: 'While one CPU holds such a mutex, whoever else needs it sleeps.',
  };
  return [
    bars(groups, kick, KICK),
    distribution(groups, 'kick_all_cpus_sync', 'kick-distribution', 'Distribution of the latency of a kick'),
    bars(groups, locks, LOCKS),
    distribution(groups, 'slab_mutex.hold', 'slab-mutex-distribution', 'Distribution of the time slab_mutex is held'),
  ];
}
