import type { KernelBuild } from '../build.js';

/**
 * RCU flavours by number, which stands in messages and traces; the name is that of the grace-period kthread. rcu_sched waits
 * for code with preemption off, rcu_bh for code with softirqs off, rcu_preempt for rcu_read_lock of preemptible kernels.
 */
export const rcuFlavours = ['rcu_sched', 'rcu_bh', 'rcu_preempt'] as const;

export type RcuFlavourName = (typeof rcuFlavours)[number];

export const Flavour = { sched: 0, bh: 1, preempt: 2 } as const;

export type Flavour = (typeof Flavour)[keyof typeof Flavour];

/** Which flavour serves whom in one kernel. */
export interface RcuKinds {
  /** Those in use, each with callback lists, a kthread and a barrier of its own. */
  readonly used: readonly Flavour[];
  /** Of rcu_read_lock and call_rcu. */
  readonly rcu: Flavour;
  /** Of call_rcu_sched and synchronize_sched. */
  readonly sched: Flavour;
  readonly bh: Flavour;
}

/**
 * Up to 4.19 each kind of reader has a flavour of its own, and without preemption `rcu` is rcu_sched. From 4.20 one flavour
 * waits for all kinds; its kthread keeps the old name.
 */
export function rcuKindsOf({ policies, config }: Pick<KernelBuild, 'policies' | 'config'>): RcuKinds {
  const rcu = config.preemption === 'preempt' ? Flavour.preempt : Flavour.sched;
  if (policies.rcu.flavours === 'consolidated') return { used: [rcu], rcu, sched: rcu, bh: rcu };
  const used = [Flavour.sched, Flavour.bh, ...(rcu === Flavour.preempt ? [rcu] : [])];
  return { used, rcu, sched: Flavour.sched, bh: Flavour.bh };
}
