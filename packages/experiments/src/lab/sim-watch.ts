import {
  deadlockVerdict,
  gracePeriodVerdict,
  isKnownLoop,
  type Look,
  livelockVerdict,
  type MachineWaits,
  signatureOf,
  stallVerdict,
  WaitGraph,
} from '@kmemlab/checker';
import { nodeWaitsOf, waitsOf } from '@kmemlab/kernel';
import type { Verdict } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';
import { gracePeriods, kernelWork, NO_PROGRESS, STALL_NS, workRuns } from './kernel-work.js';
import { GracePeriodWatch, StallWatch } from './stall-watch.js';

/** The machine is looked at whenever this much model time has passed since power-on, ns: it does not count where a trial begins. */
const LOOK_NS = 100e6;
/** Longer than any message is under way, ns: a cycle that stays so long will stay for ever. */
const FLIGHT_NS = 1e6;
/** Events without progress after which kernel code that goes on and on is a livelock: at least, and for each CPU. */
const LIVELOCK_EVENTS = 1_000_000;
const LIVELOCK_EVENTS_PER_CPU = 500;

/** With so many stalls a schedule holds up everybody again and again, and all limits of model time are so many times as long. */
const MANY_STALLS = 100;
const PATIENCE = 10;

const lookAfter = (now: number): number => (Math.floor(now / LOOK_NS) + 1) * LOOK_NS;

const waitsOfMachine = ({ cpus, nodes }: SimMachine): MachineWaits => ({
  cpus: cpus.map(waitsOf),
  nodes: nodes.map(nodeWaitsOf),
});

/**
 * Notices when the deterministic machine does not get on: a cycle in the wait-for graph, a grace period that does not end,
 * kernel code that goes on and on, or nothing at all. Looking changes nothing in the machine.
 */
export class SimWatch {
  private readonly progress = new StallWatch();
  private readonly grace = new GracePeriodWatch();
  private readonly mostEvents: number;
  private nextLook: number;
  private eventsAtProgress = 0;
  /** Half-way through a time without progress, to see afterwards who has moved. */
  private before: Look | undefined = undefined;
  private cycle = { signature: '', since: 0 };

  /** @param audit the checks of a machine on which nothing will happen any more; reports to the machine */
  constructor(
    private readonly machine: SimMachine,
    private readonly audit: () => void,
  ) {
    this.mostEvents = Math.max(LIVELOCK_EVENTS, LIVELOCK_EVENTS_PER_CPU * machine.cpus.length);
    this.nextLook = lookAfter(machine.modelTime);
  }

  /** Model time has come for another look. */
  get isDue(): boolean {
    return this.machine.modelTime >= this.nextLook;
  }

  /**
   * Look at the machine; reports a verdict to it if it does not get on.
   * @param calls system calls that have returned to the script
   */
  look(calls: number): void {
    const { machine } = this;
    const now = machine.modelTime;
    this.nextLook = lookAfter(now);
    const work = kernelWork((name) => this.count(name));
    const idleNs = this.progress.idleNs(now, calls, work);
    const graceNs =
      now -
      this.grace.inProgressSince(
        now,
        gracePeriods((name) => this.count(name)),
      );
    if (idleNs === 0) {
      this.eventsAtProgress = machine.digest.events;
      this.before = undefined;
      if (graceNs > this.stallNs) this.report(gracePeriodVerdict(waitsOfMachine(machine), graceNs, now));
      return;
    }
    this.judge({ waits: waitsOfMachine(machine), workRuns: workRuns((name) => this.count(name)) }, idleNs, graceNs);
  }

  /** No event is left: nothing will ever happen again. */
  stuck(): void {
    const waits = waitsOfMachine(this.machine);
    const cycle = new WaitGraph(waits).cycle();
    if (cycle !== undefined) this.machine.report(deadlockVerdict(cycle));
    else this.standstill(waits, 'no CPU can go on and no timer is pending', 0);
  }

  private judge(look: Look, idleNs: number, graceNs: number): void {
    const { machine, mostEvents, stallNs } = this;
    const now = machine.modelTime;
    const cycle = this.lastingCycle(look.waits, now);
    if (cycle !== undefined) {
      machine.report(cycle);
      return;
    }
    const events = machine.digest.events - this.eventsAtProgress;
    const late = idleNs > stallNs;
    if (idleNs > stallNs / 2 || events > mostEvents / 2) this.before ??= look;
    if (graceNs > stallNs && idleNs <= stallNs / 2) this.report(gracePeriodVerdict(look.waits, graceNs, now));
    else if (late || events > mostEvents) {
      const detail = `${NO_PROGRESS} ${late ? `for ${stallNs / 1e9} s of model time` : `in ${mostEvents} events`}`;
      const livelock = livelockVerdict(this.before ?? look, look, detail);
      if (livelock !== undefined) machine.report(livelock);
      else if (late) this.standstill(look.waits, detail, graceNs);
    }
  }

  /** A cycle that was there in the last look, too, with nobody in it resumed since. */
  private lastingCycle(waits: MachineWaits, now: number): Verdict | undefined {
    const cycle = new WaitGraph(waits).cycle();
    const signature = cycle === undefined ? '' : signatureOf(cycle);
    if (signature !== this.cycle.signature) this.cycle = { signature, since: now };
    return cycle !== undefined && now - this.cycle.since >= FLIGHT_NS ? deadlockVerdict(cycle) : undefined;
  }

  /** Nobody moves and nobody waits in a circle: a broken rule may say why, or RCU. */
  private standstill(waits: MachineWaits, detail: string, graceNs: number): void {
    const { machine } = this;
    const owed = graceNs > this.stallNs / 2 ? gracePeriodVerdict(waits, graceNs, machine.modelTime) : undefined;
    if (owed === undefined || !isKnownLoop(owed)) this.audit();
    if (machine.verdicts.length > 0) return;
    machine.report(owed ?? stallVerdict(waits, detail));
  }

  /** Model time without progress after which the run is stuck, ns. */
  private get stallNs(): number {
    return this.machine.stallsMade < MANY_STALLS ? STALL_NS : PATIENCE * STALL_NS;
  }

  private report(verdict: Verdict | undefined): void {
    if (verdict !== undefined) this.machine.report(verdict);
  }

  private count(name: string): number {
    const { cpus, nodes } = this.machine;
    return [...cpus, ...nodes].reduce((sum, { counters }) => sum + counters.get(name), 0);
  }
}
