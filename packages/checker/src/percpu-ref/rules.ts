import type { Invariant } from '../types.js';

/** percpu_ref. spec/smp-rcu-workqueue.md §5. */
export const refRules = {
  releasedOnce: {
    id: 'REF-1',
    rule: 'The release function of a percpu_ref runs exactly once, after the kill, when gets equal puts.',
  },
  notAfterRelease: { id: 'REF-2', rule: 'No reference is taken once the release function has been called.' },
  gracePeriod: {
    id: 'REF-3',
    rule: 'Between the kill and the end of its grace period the counters are not summed up, and nothing is released.',
  },
  notLiveAfterConfirm: { id: 'REF-4', rule: 'After the confirm function no tryget_live succeeds anywhere.' },
  exit: {
    id: 'REF-5',
    rule: 'percpu_ref_exit comes after the release, or if nobody killed or holds the reference; never during the switch.',
  },
  releaseContext: {
    id: 'REF-6',
    rule: 'A release function neither sleeps nor takes a spinlock that is elsewhere held with interrupts on.',
  },
  sum: {
    id: 'REF-7',
    rule: 'At a quiet moment the shared count and all per-CPU counters add up to the references that are held.',
  },
} as const satisfies Record<string, Invariant>;
