import {
  type Clock,
  callCount,
  type FindRepeat,
  type IsolatedCpu,
  type PhaseCounters,
  type RunResult,
} from './schema.js';
import { mean } from './welch.js';

/** Something counted or measured in every run, by which kernels are compared. */
export interface Quantity {
  readonly key: string;
  readonly label: string;
  readonly unit: 'count' | 'ns';
  /** The value in one run; undefined if that run did not measure it. */
  readonly of: (result: RunResult) => number | undefined;
  /** Set for times: only times of one clock may be compared. */
  readonly clock?: Clock;
}

/** How often the experiment is to repeat its step: loops, writes, memcgs or generations. Undefined for experiments without such a number. */
export function repetitions(result: RunResult): { readonly count: number; readonly unit: string } | undefined {
  for (const [key, unit] of [
    ['loops', 'loop'],
    ['writes', 'write'],
    ['memcgs', 'memcg'],
    ['generations', 'generation'],
  ] as const) {
    const count = Number(result.params[key]);
    if (result.params[key] !== undefined && count > 0) return { count, unit };
  }
  return undefined;
}

/** How often it did; undefined for a run that did not come to its end. */
export const repeated = (result: RunResult): ReturnType<typeof repetitions> =>
  result.outcome === 'ok' ? repetitions(result) : undefined;

const kicks = (result: RunResult) => callCount(result.counters, 'kick_all_cpus_sync');

function count(key: string, label: string, of: (result: RunResult) => number | undefined): Quantity {
  return { key, label, unit: 'count', of };
}

const perStep = (of: (result: RunResult) => number) => (result: RunResult) => {
  const steps = repeated(result);
  return steps && of(result) / steps.count;
};

/** A count of the `remove` phase; undefined for an experiment that has none. */
const removal = (of: (phase: NonNullable<RunResult['phases'][string]>) => number) => (result: RunResult) => {
  const phase = result.phases.remove;
  return phase && of(phase);
};

type FindPhase = 'find' | 'drop' | 'drop-outlived';

/** A count of a phase of `find-timing` per name looked up; undefined in any other run. */
export const perEntry =
  (name: FindPhase, of: (phase: PhaseCounters) => number) =>
  ({ find, phases }: RunResult): number | undefined => {
    const phase = phases[name];
    return find && phase && of(phase) / find.entries;
  };

/** Messages within and across nodes. */
export const messagesOf = ({ messages }: PhaseCounters): number => messages.sameNode + messages.crossNode;

/** Operations on percpu_refs, on the CPU's own counter or on the shared one. */
export const referencesOf = (phase: PhaseCounters): number =>
  callCount(phase, 'percpu_ref_local') + callCount(phase, 'percpu_ref_shared');

/** A sum over the isolated CPUs; undefined in a run without any. */
const onIsolated = (of: (cpu: IsolatedCpu) => number) => (result: RunResult) =>
  result.counters.isolated?.reduce((sum, cpu) => sum + of(cpu), 0);

const COUNTS: readonly Quantity[] = [
  count('verdicts', 'verdicts', (r) => r.verdicts.length),
  count('caches', 'caches created', (r) => r.counters.caches.created),
  count('kicks', 'kick_all_cpus_sync', kicks),
  count('kicksPerStep', 'kicks per', perStep(kicks)),
  count('ipis', 'IPIs sent', (r) => r.counters.ipi.sent),
  count(
    'ipisPerStep',
    'IPIs per',
    perStep((r) => r.counters.ipi.sent),
  ),
  count(
    'isolatedCal',
    'isolated CPUs: function calls',
    onIsolated(({ CAL }) => CAL),
  ),
  count(
    'isolatedInterruptions',
    'isolated CPUs: all interruptions',
    onIsolated(({ CAL, RES, LOC, contextSwitches }) => CAL + RES + LOC + contextSwitches),
  ),
  count('crossNode', 'IPIs across nodes', (r) => r.counters.ipi.crossNode),
  count('cpu0Read', 'CPU0 column as the script read it', (r) => r.script && r.script.second.cpu0 - r.script.first.cpu0),
  count('cpu0Settled', 'CPU0 column after settling', (r) => r.script && r.counters.interrupts.CAL[0]),
  count('synchronizeSched', 'synchronize_sched', (r) => callCount(r.counters, 'synchronize_sched')),
  count(
    'removalIpis',
    'removal: IPIs sent',
    removal((p) => p.ipi.sent),
  ),
  count(
    'removalShrinks',
    'removal: kmem_cache_shrink',
    removal((p) => callCount(p, 'kmem_cache_shrink')),
  ),
  count(
    'removalShutdowns',
    'removal: shutdown_cache',
    removal((p) => callCount(p, 'shutdown_cache')),
  ),
  count(
    'zombies',
    'removal: memcgs still dying',
    removal((p) => p.memcg.dying),
  ),
  count('barriers', 'rcu_barrier requested', (r) =>
    r.params.memcgs === undefined ? undefined : r.counters.calls.rcu_barrier.requested,
  ),
  count('barriersExecuted', 'rcu_barrier executed', (r) =>
    r.params.memcgs === undefined ? undefined : r.counters.calls.rcu_barrier.executed,
  ),
  count('findMessages', 'find: messages per entry', perEntry('find', messagesOf)),
  count('findReferences', 'find: percpu_ref operations per entry', perEntry('find', referencesOf)),
  count('dropReferences', 'drop_caches: percpu_ref operations per entry', perEntry('drop', referencesOf)),
  count(
    'outlivedReferences',
    'drop_caches, memcg removed: percpu_ref operations per entry',
    perEntry('drop-outlived', referencesOf),
  ),
  count('dying', 'memcgs dying after the last generation', (r) => r.series && r.counters.memcg.dying),
  count('stillDying', 'memcgs still dying', ({ series, phases, counters }) =>
    series || phases.remove || counters.memcg.created === 0 ? undefined : counters.memcg.dying,
  ),
  count('directories', 'sysfs directories of memcg caches after the last generation', ({ series, config }) =>
    config.includes('slub') ? series?.findLast(({ phase }) => phase === 'generations')?.directories : undefined,
  ),
  count('cachesLeft', 'caches of removed memcgs at the end', (r) => r.emptied?.after.caches),
  count('pageSeconds', 'page-seconds held without an object', (r) => r.emptied?.pageSeconds),
  count(
    'shrinksAfterFree',
    'shrinks after the last free',
    (r) => r.emptied && r.phases.observe && callCount(r.phases.observe, 'kmem_cache_shrink'),
  ),
  count('bootKicks', 'boot: kicks', (r) => r.phases.boot && callCount(r.phases.boot, 'kick_all_cpus_sync')),
  count('rootCacheKicks', 'one root cache after boot: kicks', (r) => r.rootCache?.kicks),
];

const TIMES = [
  ['kick_all_cpus_sync', 'one kick'],
  ['slab_mutex.hold', 'slab_mutex hold'],
  ['slab_mutex.wait', 'slab_mutex wait'],
  ['cgroup_mutex.hold', 'cgroup_mutex hold'],
  ['bystander.mkdir', 'mkdir beside it'],
  ['bystander.rmdir', 'rmdir beside it'],
] as const;

function timesOf(clock: Clock): Quantity[] {
  return TIMES.flatMap(([name, label]) =>
    (['p50', 'p99', 'max'] as const).map((statistic) => ({
      key: `${name}.${statistic}`,
      label: `${label} ${statistic}, ${clock} time`,
      unit: 'ns' as const,
      clock,
      of: (result: RunResult) => {
        const duration = result.durations[name];
        return duration && duration.clock === clock && duration.count > 0 ? duration[statistic] : undefined;
      },
    })),
  );
}

/** Time per name looked up, mean of all rounds but the first, ns; undefined if there is no other. */
export function entryNs({ find }: RunResult, part: keyof FindRepeat): number | undefined {
  const rounds = find?.repeats.slice(1) ?? [];
  return find && rounds.length > 0 ? mean(rounds.map((round) => round[part])) / find.entries : undefined;
}

/** What one name takes in a find. */
const findTime = (clock: Clock): Quantity => ({
  key: 'find.entry',
  label: `find: one entry, ${clock} time`,
  unit: 'ns',
  clock,
  of: (result) => (clock === (result.engine === 'sim' ? 'model' : 'host') ? entryNs(result, 'findNs') : undefined),
});

/** Every quantity that at least one of the results has a value for, in the order they are shown. */
export function quantitiesOf(results: readonly RunResult[]): Quantity[] {
  const step = results.map(repetitions).find((found) => found !== undefined)?.unit ?? '';
  return [...COUNTS, ...(['model', 'host'] as const).flatMap((clock) => [findTime(clock), ...timesOf(clock)])]
    .filter((quantity) => results.some((result) => quantity.of(result) !== undefined))
    .map((quantity) =>
      quantity.key.endsWith('PerStep') ? { ...quantity, label: `${quantity.label} ${step}` } : quantity,
    );
}
