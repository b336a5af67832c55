import { barChart } from '../chart/bar.js';
import { heatMap } from '../chart/heat-map.js';
import type { BarSeries, Value } from '../chart/types.js';
import { groupByKernel, type KernelRuns } from '../kernel-runs.js';
import type { Duration, PhaseCounters, RunResult } from '../schema.js';
import { dyingByGeneration } from './generations.js';

/** One picture of a report. */
export interface NamedChart {
  /** Name of its file without extension. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** Kinds of message that are shown one by one. */
const MOST_KINDS = 14;
const LOCKS = ['slab_mutex', 'cgroup_mutex', 'rcu_barrier_mutex'] as const;

const first = ({ runs }: KernelRuns): RunResult => runs[0] as RunResult;

/** Mean over seeds, with the range where they differ. */
function over(runs: readonly RunResult[], of: (result: RunResult) => number | undefined): Value | undefined {
  const values = runs.map(of).filter((value) => value !== undefined);
  if (values.length === 0) return undefined;
  const y = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { y, low: Math.min(...values), high: Math.max(...values) };
}

/** Received call-function interrupts per CPU: a row per node, of every kernel. */
function ipiMap(groups: readonly KernelRuns[]): NamedChart | undefined {
  const { nodes, cpusPerNode } = first(groups[0] as KernelRuns).machine;
  if (groups.every((group) => first(group).counters.ipi.received === 0)) return undefined;
  const rows = groups.flatMap((group) => {
    const { receivedBy } = first(group).counters.ipi;
    return Array.from({ length: nodes }, (_, node) => ({
      name: `${group.kernel}, node ${node}`,
      values: Array.from({ length: cpusPerNode }, (_, index) => receivedBy[node * cpusPerNode + index] ?? 0),
    }));
  });
  const title = 'Function call interrupts per CPU';
  const description = 'Interrupts that each CPU received in the measured window, one row per NUMA node.';
  const categories = Array.from({ length: cpusPerNode }, (_, index) => `CPU ${index}`);
  return {
    name: 'ipis-per-cpu',
    title,
    svg: heatMap({ title, description, x: { label: 'CPU of its node', categories }, rows }),
  };
}

type Counted = (phase: PhaseCounters) => number;

/** Counts phase by phase, one series per kernel and count. */
function overPhases(
  groups: readonly KernelRuns[],
  name: string,
  title: string,
  description: string,
  counts: Readonly<Record<string, Counted>>,
): NamedChart | undefined {
  const phases = [...new Set(groups.flatMap(({ runs }) => runs.flatMap((run) => Object.keys(run.phases))))];
  const categories = phases.filter((phase) => phase !== 'boot');
  const series: BarSeries[] = groups.flatMap(({ kernel, runs }) =>
    Object.entries(counts).map(([what, of]) => ({
      name: groups.length === 1 ? what : `${kernel}: ${what}`,
      values: categories.map((phase) => over(runs, (run) => run.phases[phase] && of(run.phases[phase]))),
    })),
  );
  const shown = series.filter(({ values }) => values.some((value) => value !== undefined && value.y !== 0));
  if (shown.length === 0) return undefined;
  return {
    name,
    title,
    svg: barChart({ title, description, x: { label: 'phase', categories }, y: { label: 'count' }, series: shown }),
  };
}

/** Durations by name: p50, from there to p99 as a range. Undefined if no kernel has any of them. */
function durations(
  groups: readonly KernelRuns[],
  name: string,
  title: string,
  shown: Readonly<Record<string, string>>,
): NamedChart | undefined {
  const measured = (run: RunResult, key: string): Duration | undefined => {
    const duration = run.durations[key];
    return duration === undefined || duration.count === 0 ? undefined : duration;
  };
  const keys = Object.keys(shown).filter((key) => groups.some((group) => measured(first(group), key) !== undefined));
  if (keys.length === 0) return undefined;
  const { clock = 'model' } = groups.map((group) => measured(first(group), keys[0] as string)).find(Boolean) ?? {};
  const series = groups.map((group) => ({
    name: group.kernel,
    values: keys.map((key) => {
      const duration = measured(first(group), key);
      return duration?.clock === clock ? { y: duration.p50, low: duration.p50, high: duration.p99 } : undefined;
    }),
  }));
  const x = {
    label: `half are shorter than the bar, 99 of 100 shorter than the line above it; ${clock} time`,
    categories: keys.map((key) => shown[key] as string),
  };
  return {
    name,
    title,
    svg: barChart({
      title,
      description: `${title}: p50 and p99, ${clock} time.`,
      x,
      y: { label: 'time', unit: 'ns' },
      series,
    }),
  };
}

function messages(groups: readonly KernelRuns[]): NamedChart | undefined {
  const totals = new Map<string, number>();
  for (const group of groups) {
    for (const [kind, n] of Object.entries(first(group).counters.messages.byKind))
      totals.set(kind, (totals.get(kind) ?? 0) + n);
  }
  const kinds = [...totals].sort(([, a], [, b]) => b - a).map(([kind]) => kind);
  if (kinds.length === 0) return undefined;
  const categories = ['within a node', 'across nodes', ...kinds.slice(0, MOST_KINDS)];
  const series = groups.map(({ kernel, runs }) => ({
    name: kernel,
    values: categories.map((kind, n) =>
      over(
        runs,
        ({ counters: { messages } }) => [messages.sameNode, messages.crossNode][n] ?? messages.byKind[kind] ?? 0,
      ),
    ),
  }));
  const title = 'Messages';
  const description =
    'Messages between CPUs and memory in the measured window: all within a node, all across nodes, and the most frequent kinds.';
  return {
    name: 'messages',
    title,
    svg: barChart({
      title,
      description,
      x: { label: 'kind of message', categories },
      y: { label: 'messages' },
      series,
    }),
  };
}

/** The pictures that these runs have something to show in; several kernels stand side by side in each. */
export function chartsOf(results: readonly RunResult[]): NamedChart[] {
  const groups = groupByKernel(results);
  if (groups.length === 0) return [];
  const kick = {
    kick_all_cpus_sync: 'whole kick',
    'kick.send': 'send',
    'kick.delivery': 'delivery',
    'kick.irqOffWait': 'interrupts-off wait',
    'kick.handler': 'handler',
    'kick.ack': 'acknowledgement',
  };
  const locks = Object.fromEntries(
    LOCKS.flatMap((lock) => [
      [`${lock}.hold`, `${lock} held`],
      [`${lock}.wait`, `${lock} waited for`],
    ]),
  );
  const charts = [
    ipiMap(groups),
    durations(groups, 'kick-latency', 'Latency of kick_all_cpus_sync and its parts', kick),
    durations(groups, 'locks', 'How long locks are held and waited for', locks),
    overPhases(
      groups,
      'grace-periods',
      'Grace periods and barriers, phase by phase',
      'RCU grace periods ended and rcu_barrier calls executed in each phase.',
      {
        'grace periods': (phase) => phase.rcu.gracePeriods,
        rcu_barrier: (phase) => phase.calls.rcu_barrier.executed,
      },
    ),
    overPhases(
      groups,
      'zombies',
      'Dying memcgs and dead caches, phase by phase',
      'Memcgs that were removed but still exist, and caches of such memcgs, at the end of each phase.',
      {
        'dying memcgs': (phase) => phase.memcg.dying,
        'dead caches': (phase) => phase.caches.dead,
      },
    ),
    dyingByGeneration(groups),
    messages(groups),
  ];
  return charts.filter((chart) => chart !== undefined);
}
