import { hasEnded, type KernelRuns, type Spread, spreadOf } from './kernel-runs.js';
import { messagesOf, perEntry, referencesOf, repetitions } from './quantities.js';
import { callCount, type RunResult } from './schema.js';
import { counted, formatCount, formatNs, formatRate, plural } from './text/format.js';

type Relation = 'same' | 'fewer' | 'more' | 'overlap';

interface Difference {
  readonly base: Spread;
  readonly other: Spread;
  readonly relation: Relation;
}

/** `fewer` and `more` only when the ranges over seeds do not touch. */
function relationOf(base: Spread, other: Spread): Relation {
  if (base.min === other.min && base.max === other.max && base.min === base.max) return 'same';
  if (other.max < base.min) return 'fewer';
  if (other.min > base.max) return 'more';
  return 'overlap';
}

function differenceOf(
  base: KernelRuns,
  other: KernelRuns,
  of: (result: RunResult) => number | undefined,
): Difference | undefined {
  const left = spreadOf(base.runs, { of });
  const right = spreadOf(other.runs, { of });
  return left && right && { base: left, other: right, relation: relationOf(left, right) };
}

function valueText(spread: Spread): string {
  if (spread.min === spread.max) return formatCount(spread.mean);
  return `${formatCount(spread.mean)} on average (${formatCount(spread.min)} to ${formatCount(spread.max)})`;
}

/** The distance between two kernels: one number when no seed matters, otherwise the difference of the means. */
function distanceText(difference: Difference, noun: string): string {
  const { base, other, relation } = difference;
  const distance = Math.abs(other.mean - base.mean);
  const average = base.min === base.max && other.min === other.max ? '' : ' on average';
  return `${formatCount(distance)} ${relation} ${plural(distance, noun)}${average}`;
}

function obstacle(group: KernelRuns): string | undefined {
  const stopped = group.runs.filter((run) => !hasEnded(run));
  const [first] = stopped;
  if (!first) return undefined;
  const reason = first.failure ? ` (${first.failure.kind})` : '';
  return `${group.kernel} did not finish${inRuns(stopped, group)}${reason}`;
}

function verdictText(group: KernelRuns): string | undefined {
  const affected = group.runs.filter((run) => run.verdicts.length > 0);
  const first = affected[0]?.verdicts[0];
  if (!first) return undefined;
  return `${group.kernel} has a ${first.class} verdict (${first.id})${inRuns(affected, group)}`;
}

const inRuns = (some: readonly RunResult[], { runs }: KernelRuns): string =>
  runs.length === 1 ? '' : ` in ${some.length} of ${runs.length} runs`;

/** What stands in the way of the counts of a kernel's runs: verdicts, and runs that did not finish. */
export const troublesOf = (group: KernelRuns): string[] =>
  [verdictText(group), obstacle(group)].filter((text) => text !== undefined);

function setupOf(result: RunResult): string {
  const params = Object.entries(result.params).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([result.experiment, result.engine, result.machine, params]);
}

/** What was done, with how many kicks: the sentence's subject and verb. */
function workText(base: KernelRuns, other: KernelRuns, kicks: Difference): string {
  const caches = differenceOf(base, other, (r) => r.counters.caches.created);
  const steps = other.runs[0] && repetitions(other.runs[0]);
  let work = `${other.kernel} runs`;
  if (caches && (caches.base.max > 0 || caches.other.max > 0)) {
    work =
      caches.relation === 'same'
        ? `${other.kernel} creates the same ${counted(caches.base.mean, 'cache')}`
        : `${other.kernel} creates ${valueText(caches.other)} caches where ${base.kernel} creates ${valueText(caches.base)},`;
  } else if (steps) {
    work = `${other.kernel} does the same ${counted(steps.count, steps.unit)}`;
  }
  const noun = plural(kicks.other.mean, 'kick');
  switch (kicks.relation) {
    case 'same':
      if (kicks.base.mean === 0) return `${work} without a kick, as ${base.kernel} does`;
      return `${work} with the same ${formatCount(kicks.base.mean)} ${noun}`;
    case 'overlap':
      return `${work} with ${valueText(kicks.other)} ${noun} against ${valueText(kicks.base)}, no more apart than seeds are`;
    default:
      return `${work} with ${valueText(kicks.other)} ${noun} instead of ${valueText(kicks.base)}`;
  }
}

function ipiText(difference: Difference, steps: ReturnType<typeof repetitions>): string {
  const { base, other, relation } = difference;
  if (relation === 'same') return `the same ${counted(base.mean, 'IPI')}`;
  if (relation === 'overlap') return 'IPIs differ no more than seeds do';
  const perStep = steps && `, ${formatRate(Math.abs(other.mean - base.mean) / steps.count)} per ${steps.unit}`;
  return `${distanceText(difference, 'IPI')}${perStep ?? ''}`;
}

const isOneLiveRunEach = (base: KernelRuns, other: KernelRuns): boolean =>
  base.runs.length === 1 && other.runs.length === 1 && other.runs[0]?.engine === 'live';

function removalText(base: KernelRuns, other: KernelRuns): string | undefined {
  const ipis = differenceOf(base, other, (r) => r.phases.remove?.ipi.sent);
  if (!ipis || (ipis.base.max === 0 && ipis.other.max === 0)) return undefined;
  if (ipis.relation === 'same') return `removal still costs the same ${formatCount(ipis.base.mean)} IPIs`;
  if (ipis.relation === 'overlap') return 'removal differs no more than seeds do';
  if (isOneLiveRunEach(base, other)) {
    return `removal cost ${valueText(ipis.other)} IPIs against ${valueText(ipis.base)}, which the schedule decides`;
  }
  const shutdownCalls = (r: RunResult) => r.phases.remove && callCount(r.phases.remove, 'shutdown_cache');
  const shutdowns = differenceOf(base, other, shutdownCalls);
  const because =
    shutdowns && shutdowns.relation === ipis.relation
      ? ` (shutdown_cache ran ${valueText(shutdowns.other)} times instead of ${valueText(shutdowns.base)})`
      : '';
  return `removal costs ${distanceText(ipis, 'IPI')}${because}`;
}

/** A task makes and removes cgroups meanwhile: some of them are under way at any moment. */
const hasBystander = ({ runs }: KernelRuns): boolean =>
  runs.some(({ durations }) => durations['bystander.mkdir'] !== undefined);

/** How many removed memcgs stay, if it is not one live schedule each that decides. */
function dyingText(base: KernelRuns, other: KernelRuns): string | undefined {
  if (hasBystander(base) || hasBystander(other)) return undefined;
  const dying = differenceOf(base, other, ({ phases, counters }) => (phases.remove ?? counters).memcg.dying);
  if (!dying || (dying.relation !== 'fewer' && dying.relation !== 'more') || isOneLiveRunEach(base, other))
    return undefined;
  return `${other.kernel} leaves ${valueText(dying.other)} removed ${plural(dying.other.mean, 'memcg')} behind instead of ${valueText(dying.base)}`;
}

/** Barriers that ran, where it is no matter of seeds how many. */
function barrierText(base: KernelRuns, other: KernelRuns): string | undefined {
  const barriers = differenceOf(base, other, (r) => r.counters.calls.rcu_barrier.executed);
  if (!barriers || (barriers.relation !== 'fewer' && barriers.relation !== 'more')) return undefined;
  return `rcu_barrier runs ${valueText(barriers.other)} ${plural(barriers.other.mean, 'time')} instead of ${valueText(barriers.base)}`;
}

/** Of `find-timing`: what one name costs in messages and references. */
function findText(base: KernelRuns, other: KernelRuns): string | undefined {
  const messages = differenceOf(base, other, perEntry('find', messagesOf));
  const references = differenceOf(base, other, perEntry('find', referencesOf));
  if (!messages || !references) return undefined;
  const change = ({ base: before, other: after }: Difference, noun: string): string => {
    const [was, is] = [formatRate(before.mean), formatRate(after.mean)];
    return was === is ? `the same ${is} ${noun}` : `${is} ${noun} instead of ${was}`;
  };
  return `a find in ${other.kernel} takes ${change(messages, 'messages an entry')} and ${change(references, 'percpu_ref operations')}`;
}

/** Of a task that makes cgroups meanwhile: the longest that it waits. */
function bystanderText(base: KernelRuns, other: KernelRuns): string | undefined {
  const waits = differenceOf(base, other, (r) => r.durations['bystander.mkdir']?.max);
  if (!waits || (waits.relation !== 'fewer' && waits.relation !== 'more')) return undefined;
  return `a mkdir beside it takes at most ${formatNs(waits.other.max)} instead of ${formatNs(waits.base.max)}`;
}

/** Undefined if it is the same, or cannot be told: times of more CPUs than cores show waiting for a core. */
function lockText(base: KernelRuns, other: KernelRuns): string | undefined {
  if ([...base.runs, ...other.runs].some((run) => run.live?.oversubscribed)) return undefined;
  const clock = base.runs[0]?.durations['slab_mutex.hold']?.clock;
  const hold = (statistic: 'p50' | 'p99') =>
    differenceOf(base, other, (r) => {
      const duration = r.durations['slab_mutex.hold'];
      return duration && duration.clock === clock && duration.count > 0 ? duration[statistic] : undefined;
    });
  const half = hold('p50');
  if (!half || half.relation === 'same' || half.relation === 'overlap') return undefined;
  const average = half.base.min === half.base.max && half.other.min === half.other.max ? '' : ', mean over seeds';
  const figures = ({ base: before, other: after }: Difference) =>
    `${formatNs(after.mean)} instead of ${formatNs(before.mean)}`;
  const text = `slab_mutex is held ${figures(half)} (p50, ${clock} time${average})`;
  // Some holds are longer while most are shorter, or the other way round.
  const tail = hold('p99');
  return tail && [half.relation, tail.relation].sort().join() === 'fewer,more'
    ? `${text}, but ${figures(tail)} (p99)`
    : text;
}

/**
 * One sentence that says what the difference between two kernels means. It states only what the numbers hold:
 * `fewer` and `more` need ranges over seeds that do not touch, and runs with a verdict, unfinished runs and different
 * setups are named instead of compared.
 */
export function meaningOf(base: KernelRuns, other: KernelRuns): string {
  const setups = new Set([...base.runs, ...other.runs].map(setupOf));
  if (setups.size > 1) {
    return `${base.kernel} and ${other.kernel} ran different experiments, machines or parameters: not compared.`;
  }
  const unfinished = [obstacle(base), obstacle(other)].filter((text) => text !== undefined);
  const verdicts = [verdictText(base), verdictText(other)].filter((text) => text !== undefined);
  if (unfinished.length > 0) return `${[...verdicts, ...unfinished].join(', and ')}: the numbers are not compared.`;
  if (verdicts.length > 0) {
    const none = verdicts.length === 1 ? `, and ${verdictText(base) ? other.kernel : base.kernel} has none` : '';
    return `${verdicts.join(', and ')}${none}: that comes before any difference in the counts.`;
  }
  const kicks = differenceOf(base, other, (r) => callCount(r.counters, 'kick_all_cpus_sync'));
  const ipis = differenceOf(base, other, (r) => r.counters.ipi.sent);
  if (!kicks || !ipis) return `${base.kernel} and ${other.kernel} have no run to compare.`;
  const steps = other.runs[0] && repetitions(other.runs[0]);
  const clauses = [
    barrierText(base, other),
    removalText(base, other),
    bystanderText(base, other),
    lockText(base, other),
  ];
  const find = findText(base, other);
  const isQuiet = kicks.base.max + kicks.other.max + ipis.base.max + ipis.other.max === 0;
  const work = find !== undefined && isQuiet ? undefined : `${workText(base, other, kicks)}: ${ipiText(ipis, steps)}`;
  return `${[dyingText(base, other), find, work, ...clauses].filter((text) => text !== undefined).join('; ')}.`;
}
