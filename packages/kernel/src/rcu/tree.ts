import type { Handle, Topology } from '@kmemlab/machine';
import type { DetachedSlab } from '../mm/slab/types.js';
import type { TakenCallbacks } from './callback-list.js';
import { type Flavour, rcuFlavours } from './flavours.js';

/** CPUs of one leaf (RCU_FANOUT_LEAF). */
export const LEAF_CPUS = 16;

/** A task that is off its CPU in a read section; such readers are listed where that CPU reports. */
export interface BlockedReader {
  readonly cpu: number;
  readonly name: string;
  /** It went back to user mode in the section, and nobody will end it. */
  readonly leaked: boolean;
}

/** A leaf rcu_node of one flavour: up to 16 CPUs of one NUMA node. */
export class RcuLeaf {
  /** CPUs that still owe a quiescent state for the grace period in progress. */
  readonly owing = new Set<number>();
  /** dynticks counter of each owing CPU at the first scan. */
  readonly snapshots = new Map<number, number>();
  /** Tasks off their CPU in a read section (blkd_tasks), and those for whom the grace period in progress waits (gp_tasks). */
  readonly blocked = new Map<number, BlockedReader>();
  readonly blocking = new Set<number>();
  /** The same of an expedited grace period (expmask, exp_tasks). */
  readonly owingExpedited = new Set<number>();
  readonly blockingExpedited = new Set<number>();

  constructor(
    readonly first: number,
    readonly count: number,
  ) {}

  has(cpu: number): boolean {
    return cpu >= this.first && cpu < this.first + this.count;
  }

  /** Nothing below owes the grace period in progress anything. */
  get quiescent(): boolean {
    return this.owing.size === 0 && this.blocking.size === 0;
  }

  get quiescentExpedited(): boolean {
    return this.owingExpedited.size === 0 && this.blockingExpedited.size === 0;
  }
}

/** Callers of an expedited grace period that wait for one with at least this number. */
interface FunnelWaiter {
  readonly sequence: number;
  readonly waiter: number;
}

/** Where callers for an expedited grace period meet on their way to the root; those behind the first wait for it. */
export class ExpeditedFunnel {
  requested = 0;
  done = 0;
  waiting: FunnelWaiter[] = [];

  /** Whether a caller need not go on ('done'), waits here ('queued'), or goes on as the first that asked for so much. */
  enter(sequence: number, waiter: number): 'done' | 'queued' | 'first' {
    if (this.done >= sequence) return 'done';
    if (this.requested >= sequence) {
      this.waiting.push({ sequence, waiter });
      return 'queued';
    }
    this.requested = sequence;
    return 'first';
  }

  /** Expedited grace periods up to `sequence` are over; answers with the waiters of those who waited for them here. */
  finish(sequence: number): number[] {
    this.done = Math.max(this.done, sequence);
    const served = this.waiting.filter((each) => each.sequence <= this.done);
    this.waiting = this.waiting.filter((each) => each.sequence > this.done);
    return served.map(({ waiter }) => waiter);
  }
}

/** One NUMA node's part of the tree of one flavour: its leaves and the rcu_node above them. */
export class RcuNodeLevel {
  readonly leaves: readonly RcuLeaf[];
  /** Leaves that have not reported to this level. */
  readonly owing = new Set<number>();
  readonly owingExpedited = new Set<number>();
  /** Highest grace period that was asked for here while one was in progress. */
  needed = 0;
  readonly funnel = new ExpeditedFunnel();

  constructor(first: number, cpus: number) {
    const count = Math.ceil(cpus / LEAF_CPUS);
    this.leaves = Array.from(
      { length: count },
      (_, leaf) => new RcuLeaf(first + leaf * LEAF_CPUS, Math.min(LEAF_CPUS, cpus - leaf * LEAF_CPUS)),
    );
  }

  leafOf(cpu: number): RcuLeaf {
    return this.leaves.find((leaf) => leaf.has(cpu)) as RcuLeaf;
  }

  numberOf(leaf: RcuLeaf): number {
    return this.leaves.indexOf(leaf);
  }
}

/** The tree's part on one NUMA node. */
export class RcuTree {
  /** CPUs of the node that grace periods wait for; they come and go between two of them (qsmaskinitnext). */
  readonly online = new Set<number>();
  private readonly levels: readonly RcuNodeLevel[];

  constructor(topology: Topology, node: number) {
    const first = topology.firstCpuOf(node);
    this.levels = rcuFlavours.map(() => new RcuNodeLevel(first, topology.cpusPerNode));
  }

  of(flavour: Flavour): RcuNodeLevel {
    return this.levels[flavour] as RcuNodeLevel;
  }
}

/** The root rcu_node of a flavour with the state of its kthread and barrier, on the boot node. */
export class RcuRoot {
  gpNumber = 0;
  completed = 0;
  /** Highest grace period anybody waits for. */
  requested = 0;
  readonly owingNodes = new Set<number>();
  /** The kthread is at work on a grace period; it may sleep meanwhile. */
  kthreadAwake = false;
  /** Waiter of the kthread that sleeps until the last node has reported, 0 if it does not. */
  sleeper = 0;
  /** Odd while an rcu_barrier runs. */
  barrierSequence = 0;
  /** Odd while an expedited grace period is in progress. */
  expeditedSequence = 0;
  readonly owingExpedited = new Set<number>();
  /** Waiter of the caller that drives the expedited grace period, 0 if it does not sleep. */
  expeditedSleeper = 0;
  readonly funnel = new ExpeditedFunnel();
  /** Callbacks of CPUs that went down, until some CPU adopts them. */
  orphans: TakenCallbacks = { done: [], waiting: [] };
}

/** A slab of an RCU-typed cache that waits for its page callback, as a CPU keeps it. */
export type RcuSlab = readonly [page: Handle, waiting: { readonly cache: Handle; readonly slab: DetachedSlab }];

/** What there is of RCU on the boot node alone. */
export class RcuRoots {
  private readonly roots = rcuFlavours.map(() => new RcuRoot());
  /** Barrier callbacks still to come, plus one while they are being queued, by the waiter of the barrier. */
  readonly barriers = new Map<number, number>();
  /** Slabs whose page callbacks are among the orphans. */
  readonly slabs: RcuSlab[] = [];

  of(flavour: Flavour): RcuRoot {
    return this.roots[flavour] as RcuRoot;
  }
}
