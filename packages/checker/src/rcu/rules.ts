import type { Invariant } from '../types.js';

/** RCU. spec/smp-rcu-workqueue.md §2. */
export const rcuRules = {
  progress: { id: 'RCU-10', rule: 'A grace period ends within 21 s.' },
} as const satisfies Record<string, Invariant>;
