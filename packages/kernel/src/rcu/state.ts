/** Name of the grace-period kthread, on the boot CPU. */
export const RCU_GP_KTHREAD = 'rcu_sched';

/** A callback queued by call_rcu, on its CPU. */
export interface RcuHead {
  readonly fn: string;
  readonly data: number;
  /** Complete this waiter instead of calling `fn`, for synchronize_sched and rcu_barrier; 0 otherwise. */
  readonly waiter: number;
}

/** A batch of callbacks that may run once the grace period with this number has completed. */
interface Batch {
  readonly gp: number;
  readonly heads: RcuHead[];
}

/** Per-CPU RCU state, of the rcu_sched flavour (non-preemptible kernel: the only one in use). Source: struct rcu_data, 4.10. */
export class RcuData {
  /** Callbacks with the grace period they wait for, in queue order; grace-period numbers never decrease along it. */
  readonly waiting: Batch[] = [];
  /** Callbacks whose grace period is over, in queue order. */
  done: RcuHead[] = [];
  /** Callbacks queued and not yet invoked to the end, as rcu_barrier counts them. */
  length = 0;
  /** Number of the latest grace period this CPU has noticed. */
  gpSeen = 0;
  /** This CPU owes a quiescent-state report for gpSeen. */
  needsReport = false;
  /** A quiescent state has been passed since gpSeen was noticed. */
  passedQuiescent = false;

  add(gp: number, head: RcuHead): void {
    const last = this.waiting[this.waiting.length - 1];
    if (last !== undefined && last.gp >= gp) last.heads.push(head);
    else this.waiting.push({ gp, heads: [head] });
    this.length++;
  }

  /** Move callbacks whose grace period has completed to the done list. */
  advance(completed: number): void {
    while (this.waiting.length > 0 && (this.waiting[0] as Batch).gp <= completed) {
      for (const head of (this.waiting.shift() as Batch).heads) this.done.push(head);
    }
  }
}

/** A leaf of the rcu_node tree: one per NUMA node, at that node. */
export class RcuLeaf {
  /** CPUs that still owe a quiescent state for gpNumber. */
  readonly owing = new Set<number>();
  /** dynticks counter of each owing CPU at the first scan. */
  readonly snapshots = new Map<number, number>();
}

/** The root of the tree and the grace-period kthread's mailbox, on the boot node. */
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
  /** Callbacks of CPUs that died, until another adopts them. */
  readonly orphans: RcuHead[] = [];
  /** Odd while an rcu_barrier runs. */
  barrierSequence = 0;
  /** Barrier callbacks still to come, plus one while they are being queued. */
  barrierCount = 0;
}
