import { BOOT_NODE } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';
import type { Counters } from '@kmemlab/results';

/** Everything countable of a machine at one moment. Sums since power-on, except what is named a value. */
export interface Reading {
  readonly modelNs: number;
  readonly sums: Readonly<Record<string, number>>;
  readonly cal: readonly number[];
  readonly res: readonly number[];
  readonly received: readonly number[];
  readonly merged: readonly number[];
  readonly sameNode: number;
  readonly crossNode: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly events: number;
  /** Value: caches of offline memcgs. */
  readonly deadCaches: number;
}

/** Counters that are not calls of a kernel function. */
const NOT_CALLS =
  /^(ipi\.|csd$|caches_|memcg_caches_|memcg_created$|memcg_freed$|memcg_removed$|rcu_barrier\.|rcu_grace_periods$)/;

/** Read all counters of a machine. Nothing in the machine notices. */
export function readCounters(machine: SimMachine): Reading {
  const sums: Record<string, number> = {};
  for (const cpu of machine.cpus) cpu.counters.addTo(sums);
  for (const node of machine.nodes) node.counters.addTo(sums);
  const interrupts = machine.cpus.map((cpu) => cpu.ownWords.interrupts);
  return {
    modelNs: machine.modelTime,
    sums,
    cal: interrupts.map((counts) => counts.call),
    res: interrupts.map((counts) => counts.reschedule),
    received: [...machine.received],
    merged: [...machine.merged],
    sameNode: machine.messages.sameNode,
    crossNode: machine.messages.crossNode,
    byKind: machine.messages.byKind(),
    events: machine.digest.events,
    deadCaches: countDeadCaches(machine),
  };
}

function countDeadCaches(machine: SimMachine): number {
  const list = machine.nodes[BOOT_NODE]?.cacheList;
  if (list === undefined) return 0;
  let dead = 0;
  for (const node of machine.nodes) {
    for (const [handle, css] of node.csses.entries()) {
      if (css.memcg?.kmemState === 'allocated') dead += list.cachesOf(handle).length;
    }
  }
  return dead;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Counters of the window between two readings. */
export function countersBetween(from: Reading, to: Reading): Counters {
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
  const kinds = Object.keys(to.byKind).map(
    (kind) => [kind, (to.byKind[kind] ?? 0) - (from.byKind[kind] ?? 0)] as const,
  );
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
      byKind: Object.fromEntries(kinds.filter(([, count]) => count > 0)),
    },
    events: to.events - from.events,
  };
}
