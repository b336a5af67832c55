import type { Invariant } from '../types.js';

/** RCU. spec/smp-rcu-workqueue.md §2. */
export const rcuRules = {
  callback: {
    id: 'RCU-1',
    rule: 'A callback runs only after a full grace period, when every read section that was in progress at its queueing has ended.',
  },
  order: { id: 'RCU-2', rule: 'Callbacks queued by one CPU run on that CPU, in the order in which they were queued.' },
  everyCpu: {
    id: 'RCU-3',
    rule: 'A grace period waits for every CPU that is online when it starts; each owes it one quiescent state.',
  },
  idle: { id: 'RCU-4', rule: 'An idle or offline CPU does not delay a grace period beyond a scan.' },
  barrier: {
    id: 'RCU-5',
    rule: 'rcu_barrier returns after every callback of its flavour that was queued before it has been invoked.',
  },
  oneBarrier: { id: 'RCU-6', rule: 'Two barriers of a flavour never overlap.' },
  synchronize: {
    id: 'RCU-7',
    rule: 'synchronize_rcu and synchronize_sched return after every read section in progress at the call has ended.',
  },
  mayNotBlock: { id: 'RCU-8', rule: 'A callback does not block.' },
  readLeak: {
    id: 'RCU-9',
    rule: 'A read section ends on the task that began it, before that leaves the kernel, where the kernel counts sections.',
  },
  progress: { id: 'RCU-10', rule: 'A grace period ends within 21 s.' },
  queuedOnce: { id: 'RCU-11', rule: 'An rcu_head is not queued again before its callback starts.' },
} as const satisfies Record<string, Invariant>;
