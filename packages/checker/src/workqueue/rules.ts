import type { Invariant } from '../types.js';

/** Workqueues. spec/smp-rcu-workqueue.md §3. */
export const workqueueRules = {
  exactlyOnce: {
    id: 'WQ-1',
    rule: 'Each successful queue_work leads to exactly one execution that starts after it; a refused one has a pending execution to come.',
  },
  notTwice: { id: 'WQ-2', rule: 'An item is never executed twice at the same time.' },
  maxActive: {
    id: 'WQ-3',
    rule: 'At most max_active items of a workqueue run on a CPU; of an ordered one, one in the system, first in first out.',
  },
  flush: { id: 'WQ-4', rule: 'flush_workqueue returns after every item queued before it has finished.' },
  validItem: { id: 'WQ-5', rule: 'A work item stays valid from queueing until its function starts.' },
  bound: {
    id: 'WQ-6',
    rule: 'A bound item runs on the CPU that it was queued for, or on the one that was executing it then, unless that CPU goes away.',
  },
} as const satisfies Record<string, Invariant>;
