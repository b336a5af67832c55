import type { Invariant } from '../types.js';

/** Mutexes. spec/smp-rcu-workqueue.md §4. */
export const mutexRules = {
  exclusive: { id: 'MTX-1', rule: 'A mutex has one owner at a time.' },
  ownerUnlocks: { id: 'MTX-2', rule: 'Only its owner unlocks a mutex.' },
  notAtomic: { id: 'MTX-3', rule: 'No mutex is acquired in atomic context.' },
  acyclic: { id: 'MTX-4', rule: 'The order in which tasks nest mutexes, and cpu_hotplug, has no cycle.' },
  trylockNeverWaits: { id: 'MTX-5', rule: 'A trylock never waits.' },
} as const satisfies Record<string, Invariant>;
