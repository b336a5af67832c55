import type { Invariant } from '../types.js';

/** Cross-CPU calls. spec/smp-rcu-workqueue.md §1.6. */
export const smpRules = {
  exactlyOnce: {
    id: 'SMP-1',
    rule: 'Every call put into a CPU’s call queue is executed exactly once, on that CPU, with interrupts off, at the latest when it goes offline.',
  },
  inOrder: { id: 'SMP-2', rule: 'Calls to one CPU run in the order in which they entered its call queue.' },
  waitsForAll: {
    id: 'SMP-3',
    rule: 'A waiting call returns only after its function has returned on every target.',
  },
  visibility: {
    id: 'SMP-4',
    rule: 'The function sees what the sender wrote before the call; the sender of a waiting call sees what it did.',
  },
  leavesRegions: {
    id: 'SMP-5',
    rule: 'When a waiting all-CPU call returns, no CPU is in an interrupts-off region that it had entered before the call.',
  },
  raises: {
    id: 'SMP-6',
    rule: 'A mask call raises one interrupt per target (to 4.12) or per empty queue (5.2 on); a single call one if the queue was empty.',
  },
  noneAlone: {
    id: 'SMP-7',
    rule: 'No interrupt without a second CPU; a call to one CPU only follows the single-call rule.',
  },
  noReuse: { id: 'SMP-8', rule: 'A csd is not reused before its target has released it.' },
  mayWait: {
    id: 'SMP-9',
    rule: 'Who waits for a call has interrupts on and holds no spinlock.',
  },
  countsMatch: {
    id: 'SMP-10',
    rule: 'CAL of a CPU is the number of its handler runs, at most the number of interrupts raised at it.',
  },
} as const satisfies Record<string, Invariant>;
