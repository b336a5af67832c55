import type { KernelBuild } from '../build.js';
import { RcuCallbackList, type RcuHead } from './callback-list.js';
import { type Flavour, rcuKindsOf } from './flavours.js';

/** Serial numbers of callbacks carry the CPU that queued them. */
const SERIALS_PER_CPU = 4096;

/** One CPU's part of one flavour. Source: struct rcu_data, 4.10. */
export class RcuData {
  readonly callbacks = new RcuCallbackList();
  /** Callbacks queued and not yet invoked; those of a batch that is being invoked count until it ends (qlen). */
  length = 0;
  /** kfree_rcu callbacks among them (qlen_lazy). */
  lazy = 0;
  /** Invoke callbacks without limit until the list has become short: it was too long. */
  unlimited = false;
  /** Numbers of the latest grace period that this CPU has noticed, and of the latest whose end it has. */
  gpSeen = 0;
  completedSeen = 0;
  /** This CPU owes a quiescent-state report for gpSeen. */
  needsReport = false;
  /** A quiescent state has been passed since gpSeen was noticed. */
  passedQuiescent = false;
  /** An expedited grace period waits for this CPU's next quiescent state. */
  owesExpedited = false;

  constructor(readonly flavour: Flavour) {}
}

/** What one CPU knows of RCU. Only code on it touches this. */
export class RcuCpu {
  /** The flavours in use. */
  readonly all: readonly RcuData[];
  /** The flavours of rcu_read_lock and call_rcu, of call_rcu_sched, and of call_rcu_bh; some may be the same. */
  readonly rcu: RcuData;
  readonly sched: RcuData;
  readonly bh: RcuData;
  /** One flavour waits for every kind of reader. */
  readonly consolidated: boolean;
  /** rcu_read_lock is counted for each task (preemptible), or is preempt_disable, or nothing at all. */
  readonly readLock: 'nesting' | 'preemptCount' | 'nothing';
  /** The RCU softirq is raised. */
  softirq = false;
  /** Callbacks of all flavours queued and not yet invoked. */
  length = 0;
  /**
   * Depth of the read sections of the task on this CPU, with those of the interrupts over it. Unless `readLock` is `nesting`
   * the kernel itself knows nothing of it.
   */
  nesting = 0;
  /** The task on this CPU is listed at its leaf: it was off the CPU in its read section. */
  listed = false;
  /** The outermost unlock is a quiescent state that somebody waits for. */
  unlockReports = false;
  /** A callback is being invoked (RCU-8). */
  invoking = false;
  private serials = 0;

  constructor(build: KernelBuild) {
    const { used, rcu, sched, bh } = rcuKindsOf(build);
    this.all = used.map((flavour) => new RcuData(flavour));
    const dataOf = (flavour: Flavour) => this.all[used.indexOf(flavour)] as RcuData;
    this.rcu = dataOf(rcu);
    this.sched = dataOf(sched);
    this.bh = dataOf(bh);
    this.consolidated = build.policies.rcu.flavours === 'consolidated';
    const { preemption, preemptCount } = build.config;
    this.readLock = preemption === 'preempt' ? 'nesting' : preemptCount ? 'preemptCount' : 'nothing';
  }

  /** @throws Error if the kernel has no such flavour */
  of(flavour: Flavour): RcuData {
    const data = this.all.find((each) => each.flavour === flavour);
    if (data === undefined) throw new Error(`this kernel has no RCU flavour ${flavour}`);
    return data;
  }

  newSerial(cpu: number): number {
    return ++this.serials * SERIALS_PER_CPU + cpu;
  }

  /** The tick has to go on although the CPU is idle (rcu_needs_cpu, and a report that is due). */
  get needsTick(): boolean {
    if (this.length > 0) return true;
    for (const { needsReport } of this.all) if (needsReport) return true;
    return false;
  }

  /** Count callbacks that come (or go, if `by` is −1) on one flavour. */
  count(data: RcuData, heads: readonly RcuHead[], by: 1 | -1): void {
    data.length += by * heads.length;
    this.length += by * heads.length;
    for (const { lazy } of heads) if (lazy) data.lazy += by;
  }
}
