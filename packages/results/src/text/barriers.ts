import type { RunResult } from '../schema.js';
import { formatCount } from './format.js';
import { heading, type TextOptions } from './paper.js';

/** How often rcu_barrier was asked for and ran: a request that waits for the mutex is served by a barrier that began meanwhile. */
export function barrierLines({ counters }: RunResult, options: TextOptions): string[] {
  const { requested, executed } = counters.calls.rcu_barrier;
  if (requested === 0) return [];
  return [
    heading(options, 'rcu_barrier in the measured window'),
    `  ${formatCount(requested)} requested, ${formatCount(executed)} executed`,
  ];
}
