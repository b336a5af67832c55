import type { Counters, RunResult } from '@kmemlab/results';
import { countsOf } from './counts.js';

/** Counts over a whole run by path, such as `calls.css_offline`; what is there in the end counts as it is then. */
export type Totals = ReadonlyMap<string, number>;

/** What is there at a moment, not what has happened since another. */
const GAUGES = new Set(['memcg.dying', 'caches.live', 'caches.dead']);

/** Numbers of CPUs and of messages, times, and what a clock does: neither is a count of what the kernel has done with caches. */
const NO_COUNTS = [
  /^interrupts/,
  /^messages/,
  /^events$/,
  /^elapsed/,
  /^rcu\./,
  /^ipi\.(sent|received|merged)By/,
  /^isolated/,
];

/** The counters of all phases, added up. */
export function totalsOf({ phases }: Pick<RunResult, 'phases'>): Totals {
  const totals = new Map<string, number>();
  for (const counters of Object.values(phases) as Counters[]) {
    const counts = countsOf(counters, NO_COUNTS);
    for (const gauge of GAUGES) totals.set(gauge, 0);
    for (const [path, count] of Object.entries(counts)) {
      if (typeof count !== 'number') continue;
      totals.set(path, GAUGES.has(path) ? count : (totals.get(path) ?? 0) + count);
    }
  }
  return totals;
}

/** The sum of the counts with these paths. */
export const sumOf = (totals: Totals, ...paths: string[]): number =>
  paths.reduce((sum, path) => sum + (totals.get(path) ?? 0), 0);
