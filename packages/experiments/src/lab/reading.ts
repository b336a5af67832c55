import { type Counters, type IsolatedCpu, sumByName } from '@kmemlab/results';
import type { NodeCounts } from './live-node.js';

/** Messages by sender, and from each node (row) to each node (column). */
export interface Traffic {
  readonly sentByCpu: readonly number[];
  readonly byNodePair: readonly (readonly number[])[];
}

/** Everything countable of a machine at one moment. Sums since power-on, except what is named a value. */
export interface Reading
  extends Pick<NodeCounts, 'sums' | 'cal' | 'res' | 'loc' | 'disturbances' | 'received' | 'merged' | 'events'> {
  readonly modelNs: number;
  readonly sameNode: number;
  readonly crossNode: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Those of `byKind` that went to another node. */
  readonly crossNodeByKind: Readonly<Record<string, number>>;
  /** Value: caches of offline memcgs. */
  readonly deadCaches: number;
  /** Known of the live machine only. */
  readonly traffic?: Traffic;
}

/** Counters that are not calls of a kernel function. */
const NOT_CALLS =
  /^(ipi\.|csd$|caches_|memcg_caches_|memcg_created$|memcg_freed$|memcg_removed$|rcu_barrier\.|rcu_grace_periods|rcu_(sched|bh|preempt)\.|preemptions$)/;

export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** A machine on which nothing has happened. */
export function emptyReading(cpus: number): Reading {
  const none = new Array<number>(cpus).fill(0);
  return {
    modelNs: 0,
    sums: {},
    cal: none,
    res: none,
    loc: none,
    disturbances: none.map(() => ({ softirqs: 0, contextSwitches: 0, stolenNs: 0 })),
    received: none,
    merged: none,
    sameNode: 0,
    crossNode: 0,
    byKind: {},
    crossNodeByKind: {},
    events: 0,
    deadCaches: 0,
  };
}

/** The whole machine from the reports of all its nodes, in the order of their numbers. */
export function readingOf(reports: readonly NodeCounts[], deadCaches: number): Reading {
  const perCpu = <T>(pick: (report: NodeCounts) => readonly T[]): T[] => reports.flatMap(pick);
  const byNodePair = reports.map(({ messages }) => messages.toNode);
  const all = total(byNodePair.flat());
  const sameNode = total(byNodePair.map((row, node) => row[node] ?? 0));
  return {
    modelNs: Math.max(0, ...reports.map(({ at }) => at)),
    sums: sumByName(reports.map(({ sums }) => sums)),
    cal: perCpu(({ cal }) => cal),
    res: perCpu(({ res }) => res),
    loc: perCpu(({ loc }) => loc),
    disturbances: perCpu(({ disturbances }) => disturbances),
    received: perCpu(({ received }) => received),
    merged: perCpu(({ merged }) => merged),
    sameNode,
    crossNode: all - sameNode,
    byKind: sumByName(reports.map(({ messages }) => messages.byKind)),
    crossNodeByKind: sumByName(reports.map(({ messages }) => messages.crossNodeByKind)),
    events: total(reports.map(({ events }) => events)),
    deadCaches,
    traffic: { sentByCpu: perCpu(({ messages }) => messages.byCpu), byNodePair },
  };
}

/** Messages of the window between two readings. */
export function trafficBetween(from: Reading, to: Reading): Traffic {
  const { sentByCpu = [], byNodePair = [] } = to.traffic ?? {};
  return {
    sentByCpu: sentByCpu.map((sent, cpu) => sent - (from.traffic?.sentByCpu[cpu] ?? 0)),
    byNodePair: byNodePair.map((row, node) =>
      row.map((sent, peer) => sent - (from.traffic?.byNodePair[node]?.[peer] ?? 0)),
    ),
  };
}

/** What interrupted one isolated CPU between two readings. */
function interruptionsOf(cpu: number, from: Reading, to: Reading): IsolatedCpu {
  const between = (pick: (reading: Reading) => number | undefined): number => (pick(to) ?? 0) - (pick(from) ?? 0);
  return {
    cpu,
    CAL: between(({ cal }) => cal[cpu]),
    RES: between(({ res }) => res[cpu]),
    LOC: between(({ loc }) => loc[cpu]),
    softirqs: between(({ disturbances }) => disturbances[cpu]?.softirqs),
    contextSwitches: between(({ disturbances }) => disturbances[cpu]?.contextSwitches),
    stolenNs: between(({ disturbances }) => disturbances[cpu]?.stolenNs),
  };
}

type ByName = Readonly<Record<string, number>>;

/** What has grown between two readings, and by how much, in the order of the names. */
function increases(from: ByName, to: ByName): ByName {
  const changes = Object.keys(to).map((name) => [name, (to[name] ?? 0) - (from[name] ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, count]) => count > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Counters of the window between two readings.
 * @param isolated CPUs of which is counted what interrupted them
 */
export function countersBetween(from: Reading, to: Reading, isolated: readonly number[] = []): Counters {
  const sum = (name: string): number => (to.sums[name] ?? 0) - (from.sums[name] ?? 0);
  const perCpu = (pick: (reading: Reading) => readonly number[]): number[] =>
    pick(to).map((value, cpu) => value - (pick(from)[cpu] ?? 0));
  const sentBy = to.cal.map((_, cpu) => sum(`ipi.sent.${cpu}`));
  const receivedBy = perCpu((reading) => reading.received);
  const mergedBy = perCpu((reading) => reading.merged);
  const calls = Object.keys(to.sums)
    .filter((name) => !NOT_CALLS.test(name))
    .sort()
    .map((name) => [name, sum(name)] as const);
  const existing = (to.sums.caches_created ?? 0) - (to.sums.caches_destroyed ?? 0);
  return {
    interrupts: { CAL: perCpu((reading) => reading.cal), RES: perCpu((reading) => reading.res) },
    ipi: {
      sent: total(sentBy),
      received: total(receivedBy),
      merged: total(mergedBy),
      sameNode: sum('ipi.sameNode'),
      crossNode: sum('ipi.crossNode'),
      csd: sum('csd'),
      sentBy,
      receivedBy,
      mergedBy,
    },
    calls: {
      kick_all_cpus_sync: 0,
      synchronize_sched: 0,
      call_rcu: 0,
      ...Object.fromEntries(calls),
      rcu_barrier: { requested: sum('rcu_barrier.requested'), executed: sum('rcu_barrier.executed') },
    },
    rcu: { gracePeriods: sum('rcu_grace_periods') },
    memcg: {
      created: sum('memcg_created'),
      dying: (to.sums.memcg_removed ?? 0) - (to.sums.memcg_freed ?? 0),
      freed: sum('memcg_freed'),
    },
    caches: {
      created: sum('caches_created'),
      destroyed: sum('caches_destroyed'),
      live: existing - to.deadCaches,
      dead: to.deadCaches,
    },
    messages: {
      sameNode: to.sameNode - from.sameNode,
      crossNode: to.crossNode - from.crossNode,
      byKind: increases(from.byKind, to.byKind),
      crossNodeByKind: increases(from.crossNodeByKind, to.crossNodeByKind),
    },
    events: to.events - from.events,
    ...(isolated.length > 0 && { isolated: isolated.map((cpu) => interruptionsOf(cpu, from, to)) }),
  };
}
