import {
  deadlockVerdict,
  gracePeriodVerdict,
  type Look,
  livelockVerdict,
  type MachineWaits,
  signatureOf,
  WaitGraph,
} from '@kmemlab/checker';
import type { Verdict } from '@kmemlab/machine';
import { NO_PROGRESS, STALL_NS } from './kernel-work.js';
import type { LiveNodes } from './live-nodes.js';
import type { NodeReports } from './node-reports.js';
import type { RunSignal } from './run-signal.js';
import { GracePeriodWatch, StallWatch } from './stall-watch.js';

/** Host time without progress before the CPUs are asked who waits for whom, and from then on between two looks, ms. */
const LOOK_MS = 2000;
/** Host time between the two looks that a cycle has to last; a message is under way for much less, ms. */
const CYCLE_MS = 1000;
/** Within which every node answers a look, ms. */
const ANSWER_MS = 3000;
/** Host time between two calls of `tick` after which this process was stopped, and the machine with it, ms. */
const GAP_MS = 3000;

export interface LiveWatchOptions {
  readonly nodes: LiveNodes;
  readonly reports: NodeReports;
  readonly signal: RunSignal;
  readonly nodeCount: number;
  /** Machine time per host time. */
  readonly timeScale: number;
  /** End the run with this verdict. */
  readonly judge: (verdict: Verdict) => void;
  /** Nothing moves, and nobody waits in a circle. */
  readonly stalled: (detail: string) => Promise<void>;
  /** Host time, ms; performance.now unless given. */
  readonly hostNow?: () => number;
}

/** How long nothing has got on, and how long the grace period in progress has lasted, ns of machine time. */
interface Measured {
  readonly idleNs: number;
  readonly graceNs: number;
}

const STANDING: Measured = { idleNs: 0, graceNs: 0 };

/**
 * Notices when the live machine does not get on. While there is progress it only reads the nodes' reports; then it asks all
 * CPUs and homes who waits for whom. A cycle that two looks find is a deadlock. Nodes that report no more, since a CPU of
 * theirs hangs, do not get on either; while this process was stopped nobody was watched.
 */
export class LiveWatch {
  private readonly progress = new StallWatch();
  private grace = new GracePeriodWatch();
  /** Host times, ms: of the last progress, report and tick. */
  private progressAt: number;
  private heardAt: number;
  private tickedAt: number;
  private lookAt = 0;
  private looking = false;
  /** Half-way through a time without progress, to see afterwards who has moved. */
  private before: Look | undefined = undefined;

  /** Machine time without progress after which the run is stuck, ns. A machine that is faster than the host still needs the host's time. */
  private readonly stallNs: number;

  constructor(private readonly options: LiveWatchOptions) {
    this.stallNs = STALL_NS * Math.max(1, options.timeScale);
    this.progressAt = this.hostNow;
    this.heardAt = this.hostNow;
    this.tickedAt = this.hostNow;
  }

  private get hostNow(): number {
    return this.options.hostNow?.() ?? performance.now();
  }

  /** Machine time, ns: it goes on while no node reports. */
  private get now(): number {
    const { reports, timeScale } = this.options;
    return reports.now + (this.hostNow - this.heardAt) * 1e6 * timeScale;
  }

  /** A phase begins: time counts from here. The machine may have stood still since its last report. */
  reset(): void {
    this.heardAt = this.hostNow;
    this.restart();
  }

  private restart(): void {
    this.progress.reset(this.now);
    this.progressAt = this.hostNow;
    this.before = undefined;
  }

  /** A report has come. */
  reported(): void {
    this.heardAt = this.hostNow;
  }

  /** To be called several times a second. @param mustMove false while the machine may stand still; a deadlock is one even then */
  tick(mustMove: boolean): void {
    if (this.wasStopped()) return;
    const { idleNs, graceNs } = this.measure();
    const overdue = mustMove && (idleNs > this.stallNs || graceNs > this.stallNs);
    const { hostNow } = this;
    if (this.looking || hostNow < this.lookAt || (hostNow - this.progressAt < LOOK_MS && !overdue)) return;
    this.looking = true;
    this.look(mustMove)
      .catch(() => {})
      .finally(() => {
        this.looking = false;
        this.lookAt = this.hostNow + LOOK_MS;
      });
  }

  private measure(): Measured {
    const { reports } = this.options;
    const { now } = this;
    const idleNs = this.progress.idleNs(now, reports.calls, reports.work);
    const graceNs = now - this.grace.inProgressSince(now, reports.gracePeriods);
    if (idleNs === 0) {
      this.progressAt = this.hostNow;
      this.before = undefined;
    }
    return { idleNs, graceNs };
  }

  /** What was not watched was no standstill: then time counts from here. */
  private wasStopped(): boolean {
    const { hostNow } = this;
    const stopped = hostNow - this.tickedAt > GAP_MS;
    this.tickedAt = hostNow;
    if (!stopped) return false;
    this.grace = new GracePeriodWatch();
    this.restart();
    return true;
  }

  /** Look for a deadlock now; true if there is one, with which the run has then ended. */
  async findDeadlock(): Promise<boolean> {
    const first = await this.waits();
    return first !== undefined && this.confirmed(first);
  }

  private waits(): Promise<MachineWaits | undefined> {
    return this.options.nodes.waits(ANSWER_MS, this.options.nodeCount);
  }

  private async look(mustMove: boolean): Promise<void> {
    const { reports, judge, stalled } = this.options;
    const { workRuns } = reports;
    const waits = await this.waits();
    if (waits !== undefined && (await this.confirmed(waits))) return;
    if (this.wasStopped()) return;
    const { idleNs, graceNs } = mustMove ? this.measure() : STANDING;
    const look = waits && { waits, workRuns };
    if (idleNs > this.stallNs / 2) this.before ??= look;
    const late = idleNs > this.stallNs;
    const detail = `${NO_PROGRESS} for ${this.stallNs / 1e9} s of machine time`;
    const livelock =
      late && look && this.before && this.before !== look ? livelockVerdict(this.before, look, detail) : undefined;
    const overdue = graceNs > (late ? this.stallNs / 2 : this.stallNs);
    const found = livelock ?? (overdue && look ? gracePeriodVerdict(look.waits, graceNs, this.now) : undefined);
    if (found !== undefined) judge(found);
    else if (late) await stalled(detail);
  }

  /** A cycle in this look that is there in another one, too, with nobody in it resumed in between. */
  private async confirmed(waits: MachineWaits): Promise<boolean> {
    const first = new WaitGraph(waits).cycle();
    if (first === undefined) return false;
    await this.options.signal.sleep(CYCLE_MS);
    const again = await this.waits();
    const second = again && new WaitGraph(again).cycle();
    if (second === undefined || signatureOf(first) !== signatureOf(second)) return false;
    this.options.judge(deadlockVerdict(second));
    return true;
  }
}
