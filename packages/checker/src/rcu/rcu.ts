import { type Flavour, rcuFlavours, Trace } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Family, MachineView } from '../types.js';
import { Callbacks } from './callbacks.js';
import { GracePeriods } from './grace-periods.js';
import { ReadSections } from './read-sections.js';
import { rcuRules as rules } from './rules.js';

/** What a task's call waits for: callbacks up to a place, or read sections. */
interface Waits {
  readonly place: number;
  readonly sections: ReturnType<ReadSections['inProgress']>;
}

/** What is followed of one flavour. */
interface FlavourState {
  readonly periods: GracePeriods;
  readonly callbacks: Callbacks;
  /** rcu_barrier calls in progress, by task: the callbacks that they wait for. */
  readonly barriers: Map<number, number>;
  /** synchronize_* calls in progress, by task. */
  readonly synchronizing: Map<number, Waits['sections']>;
  /** Barriers being executed, and where the first of them began. */
  executing: number;
  executingSince: Step | undefined;
}

/** RCU-1 to RCU-7, RCU-9 and RCU-11. The kernel itself notices a callback that blocks (RCU-8). */
export class Rcu implements Family {
  private readonly reads: ReadSections;
  private readonly flavours: readonly FlavourState[];
  private readonly consolidated: boolean;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.reads = new ReadSections(view);
    this.consolidated = view.build.policies.rcu.flavours === 'consolidated';
    this.flavours = rcuFlavours.map((_, flavour) => {
      const periods = new GracePeriods(flavour as Flavour, view, reporter);
      const callbacks = new Callbacks(view, reporter, this.reads, periods, this.consolidated);
      const calls = { barriers: new Map(), synchronizing: new Map() };
      return { periods, callbacks, ...calls, executing: 0, executingSince: undefined };
    });
  }

  readonly listeners: Family['listeners'] = [
    [Trace.rcuQueue, (cpu, flavour, fn, data, serial) => this.of(flavour).callbacks.queued(cpu, fn, data, serial)],
    [Trace.rcuInvoke, (cpu, flavour, serial, returned) => this.invoke(cpu, flavour, serial, returned === 1)],
    [Trace.rcuGracePeriod, (cpu, flavour, gp, ended) => this.gracePeriod(cpu, flavour, gp, ended === 1)],
    [Trace.rcuQuiescent, (cpu, flavour, gp) => this.of(flavour).periods.quiescent(cpu, gp)],
    [Trace.rcuScan, (cpu, flavour, gp, node) => this.of(flavour).periods.scanned(cpu, gp, node)],
    [Trace.rcuRead, (cpu, flavour, task, begins) => this.read(cpu, flavour, task, begins === 1)],
    [Trace.rcuLeak, (cpu, flavour, task, counted) => this.leak(cpu, flavour, task, counted === 1)],
    [Trace.rcuSynchronize, (cpu, flavour, task, returns) => this.synchronize(cpu, flavour, task, returns === 1)],
    [Trace.rcuBarrier, (cpu, flavour, task, stage) => this.barrier(cpu, flavour, task, stage)],
    [Trace.rcuCpu, (cpu) => this.orphaned(cpu)],
  ];

  audit(): void {}

  private of(flavour: number): FlavourState {
    return this.flavours[flavour] as FlavourState;
  }

  private invoke(cpu: number, flavour: number, serial: number, returned: boolean): void {
    const { callbacks } = this.of(flavour);
    if (returned) callbacks.returned(serial);
    else callbacks.starts(cpu, serial);
  }

  private gracePeriod(cpu: number, flavour: number, gp: number, ended: boolean): void {
    const { periods } = this.of(flavour);
    if (ended) periods.ends(cpu, gp);
    else periods.starts(cpu, gp);
  }

  /** RCU-9: a section ends on the task that began it. */
  private read(cpu: number, flavour: number, task: number, begins: boolean): void {
    if (begins) this.reads.begin(flavour, cpu, task);
    else if (!this.reads.end(flavour, cpu, task)) {
      const detail = 'rcu_read_unlock without a read section of this task';
      this.reporter.broken(rules.readLeak, `task ${task}`, undefined, this.view.where(cpu), detail);
    }
  }

  /** RCU-9. What comes of it, a stall or a task that schedules with preemption off, says more. */
  private leak(cpu: number, flavour: number, task: number, counted: boolean): void {
    const began = this.reads.beganAt(flavour, cpu, task);
    if (counted) {
      const detail = 'a task leaves the kernel in a read section';
      this.reporter.brokenSoFar(rules.readLeak, `task ${task}`, began, this.view.where(cpu), detail);
    } else while (this.reads.end(flavour, cpu, task));
  }

  /** RCU-7. */
  private synchronize(cpu: number, flavour: number, task: number, returns: boolean): void {
    const { synchronizing } = this.of(flavour);
    if (!returns) {
      synchronizing.set(task, this.reads.inProgress(flavour, this.consolidated));
      return;
    }
    const open = this.reads.stillOpen(synchronizing.get(task) ?? [], cpu);
    synchronizing.delete(task);
    if (open === undefined) return;
    const detail = 'it returns while a read section goes on that was in progress at the call';
    this.reporter.broken(rules.synchronize, rcuFlavours[flavour] ?? '', open, this.view.where(cpu), detail);
  }

  /** RCU-5, RCU-6. */
  private barrier(cpu: number, flavour: number, task: number, stage: number): void {
    const state = this.of(flavour);
    const { barriers, callbacks } = state;
    if (stage === 0) barriers.set(task, callbacks.last);
    else if (stage === 1) this.barrierBegins(cpu, flavour, state);
    else if (stage === 2) state.executing--;
    else {
      callbacks.barrierReturns(cpu, barriers.get(task) ?? 0);
      barriers.delete(task);
    }
  }

  private barrierBegins(cpu: number, flavour: number, state: FlavourState): void {
    if (++state.executing > 1) {
      const object = `rcu_barrier of ${rcuFlavours[flavour]}`;
      const detail = 'a barrier begins while another one runs';
      this.reporter.broken(rules.oneBarrier, object, state.executingSince, this.view.where(cpu), detail);
    }
    state.executingSince = this.view.where(cpu);
  }

  private orphaned(cpu: number): void {
    for (const { callbacks, periods } of this.flavours) {
      callbacks.orphaned(cpu);
      periods.offline(cpu);
    }
  }
}
