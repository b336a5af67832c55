import { lineChart } from '../chart/line.js';
import { firstOf, type KernelRuns } from '../kernel-runs.js';
import type { Timeline } from '../schema.js';
import { formatNs } from '../text/format.js';
import type { NamedChart } from './types.js';

interface Followed {
  readonly of: Exclude<keyof Timeline, 'ns'>;
  readonly name: string;
  readonly title: string;
  readonly label: string;
  readonly caption: string;
}

const FOLLOWED: readonly Followed[] = [
  {
    of: 'ipis',
    name: 'ipis-over-time',
    title: 'IPIs over time',
    label: 'sent since the boot',
    caption: 'Function call interrupts sent since the boot. A steep line is a burst; a flat one disturbs nobody.',
  },
  {
    of: 'gracePeriods',
    name: 'grace-periods',
    title: 'Grace periods over time',
    label: 'ended since the boot',
    caption:
      'RCU grace periods that have ended since the boot: each waits until every CPU has left what it was reading.',
  },
  {
    of: 'barriers',
    name: 'barriers',
    title: 'rcu_barrier over time',
    label: 'executed since the boot',
    caption: 'Calls of rcu_barrier since the boot: each waits for all RCU callbacks that are queued on any CPU.',
  },
  {
    of: 'dying',
    name: 'zombies',
    title: 'Dying memcgs over time',
    label: 'dying memcgs',
    caption: 'Memory cgroups that were removed and still exist, because something holds them.',
  },
  {
    of: 'caches',
    name: 'caches',
    title: 'Slab caches over time',
    label: 'caches',
    caption: 'Slab caches that exist: those of the whole system, and one of each kind for each memcg that uses it.',
  },
];

/** `create until 4.2 s, settle until 5 s`: the phases of a kernel's first seed, in time since the boot. */
function phasesOf(group: KernelRuns): string {
  let end = 0;
  const ends = Object.entries(firstOf(group).phases)
    .filter(([name]) => name !== 'boot')
    .map(([name, { elapsedModelNs = 0 }]) => {
      end += elapsedModelNs;
      return `${name} until ${formatNs(end)}`;
    });
  return `${group.kernel}: ${ends.join(', ')}.`;
}

function chart(groups: readonly KernelRuns[], { of, name, title, label, caption }: Followed): NamedChart | undefined {
  const series = groups.flatMap((group) => {
    const timeline = firstOf(group).timeline;
    if (timeline === undefined) return [];
    return [{ name: group.kernel, points: timeline.ns.map((x, n) => ({ x, y: timeline[of][n] ?? 0 })) }];
  });
  if (series.every(({ points }) => points.every(({ y }) => y === points[0]?.y))) return undefined;
  const axes = { x: { label: 'time since the boot', unit: 'ns' }, y: { label, whole: true } };
  return {
    name,
    title,
    caption: [caption, ...groups.map(phasesOf)].join(' '),
    svg: lineChart({ title, description: caption, ...axes, series, markers: false, steps: true }),
  };
}

/** What happened when: a picture for each figure that changes in any of the runs. */
export const timelineCharts = (groups: readonly KernelRuns[]): (NamedChart | undefined)[] =>
  FOLLOWED.map((followed) => chart(groups, followed));
