import type { Placement } from '@kmemlab/kernel';
import type { Topology, Verdict } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';
import type { Progress } from '../api.js';
import { programFailure } from './program-failure.js';
import { RunEnded } from './run-ended.js';
import { SimWatch } from './sim-watch.js';
import type { GuestControl, Lab, PhaseOptions, ProgramFactory } from './types.js';

/** After each so many events since power-on comes a look at the outside world: signals, progress. */
const CHUNK = 20_000;

export interface SimLabHooks {
  readonly onProgress: (progress: Progress) => void;
  /** A phase has ended with this value; it does not go on if this throws. */
  readonly onPhase: (name: string, value: unknown) => void;
  readonly interrupted: () => boolean;
  /** Host time in ms, to space progress reports. */
  readonly hostMs: () => number;
  /** Let the event loop turn. */
  readonly breathe: () => Promise<void>;
  /** Rules that can only be checked at rest; called at each phase mark, and when the run is stuck for good. */
  readonly audit: (stuck: boolean) => void;
  /** Rules broken without harm are reported; called at the end. */
  readonly conclude: () => void;
}

/** Phases that the machine has been through before the lab begins: their values, in order, and the script's task. */
export interface Past {
  readonly values: readonly unknown[];
  readonly pid: number;
}

const NOTHING_YET: Past = { values: [], pid: 0 };

/** An experiment's view of the deterministic machine. */
export class SimLab implements Lab {
  readonly housekeeping: readonly number[];
  /** The script's task. */
  pid: number;
  /** Phases begun. */
  private phases = 0;
  private done = 0;
  private stopping = false;
  private readonly backgroundPids: number[] = [];
  private lastReport = 0;
  private readonly watch: SimWatch;

  constructor(
    private readonly machine: SimMachine,
    readonly topology: Topology,
    private readonly hooks: SimLabHooks,
    private readonly past: Past = NOTHING_YET,
  ) {
    this.pid = past.pid;
    this.housekeeping = machine.housekeeping;
    this.watch = new SimWatch(machine, () => hooks.audit(true));
  }

  /** A boot that sleeps for ever has not ended, however quiet the machine is. */
  async boot(): Promise<void> {
    const { machine } = this;
    machine.boot();
    await this.runUntil('boot', () => machine.quiet && machine.still, 0);
    this.hooks.onPhase('boot', undefined);
  }

  background(name: string, program: ProgramFactory<unknown>, placement: Placement): void {
    // One that began before a phase that is past has ended: the machine stood still then.
    if (this.phases < this.past.values.length) return;
    const pid = this.machine.startProgram(name, (own) => program(this.control(own)), placement);
    this.backgroundPids.push(pid);
  }

  stopBackground(): void {
    this.stopping = true;
  }

  async phase<T>(
    name: string,
    program: ProgramFactory<T>,
    placement: Placement,
    options: PhaseOptions = {},
  ): Promise<T> {
    if (this.hasBeen()) return this.pastValue<T>();
    this.pid = this.machine.startProgram('script', (own) => program(this.control(own)), placement);
    return this.finish<T>(name, options);
  }

  async nextPhase<T>(
    name: string,
    program: ProgramFactory<T>,
    placement: Placement,
    options: PhaseOptions = {},
  ): Promise<T> {
    if (this.hasBeen()) return this.pastValue<T>();
    this.machine.continueProgram(this.pid, program(this.control(this.pid)), placement);
    return this.finish<T>(name, options);
  }

  /** Another phase begins. Whether the machine has been through it. */
  private hasBeen(): boolean {
    return ++this.phases <= this.past.values.length;
  }

  private pastValue<T>(): T {
    return this.past.values[this.phases - 1] as T;
  }

  /** Wait for background tasks that were asked to end; not part of any phase. */
  async drain(): Promise<void> {
    if (this.backgroundPids.length > 0) await this.runUntil('end', () => this.backgroundEnded, 0);
    for (const pid of this.backgroundPids) this.valueOf(pid, 'end');
    this.hooks.conclude();
    this.throwIfEnded();
  }

  private get backgroundEnded(): boolean {
    return this.backgroundPids.every((pid) => this.machine.guest(pid).outcome !== null);
  }

  private control(pid: number): GuestControl {
    return {
      pid,
      stopped: () => this.stopping,
      tick: (done) => {
        this.done = done;
      },
    };
  }

  private async finish<T>(name: string, { total = 0, until = 'returned' }: PhaseOptions): Promise<T> {
    const { machine, pid } = this;
    const guest = machine.guest(pid);
    this.done = 0;
    const returned = (): boolean => guest.outcome !== null && (!this.stopping || this.backgroundEnded);
    await this.runUntil(name, () => returned() && (until === 'returned' || machine.quiet), total);
    await this.runUntil(name, () => machine.interruptsInFlight === 0, total);
    const value = this.valueOf(pid, name) as T;
    this.hooks.audit(false);
    this.throwIfEnded();
    this.hooks.onPhase(name, value);
    return value;
  }

  private valueOf(pid: number, phase: string): unknown {
    const outcome = this.machine.guest(pid).outcome;
    if (outcome !== null && 'error' in outcome) throw programFailure(phase, outcome.error);
    return outcome?.value;
  }

  private async runUntil(phase: string, until: () => boolean, total: number): Promise<void> {
    const { machine, watch } = this;
    for (;;) {
      const why = machine.run(() => watch.isDue || until(), CHUNK - (machine.digest.events % CHUNK));
      this.throwIfEnded();
      if (why === 'reached' && until()) return;
      if (why === 'empty') watch.stuck();
      else watch.look(machine.callsOf(this.pid));
      this.throwIfEnded();
      this.report(phase, total);
      await this.hooks.breathe();
      if (this.hooks.interrupted()) throw new RunEnded('interrupted', `interrupted in phase ${phase}`);
    }
  }

  private throwIfEnded(): void {
    const { verdicts, failure } = this.machine;
    if (failure !== undefined)
      throw new RunEnded('failed', failure instanceof Error ? failure.message : String(failure));
    if (verdicts.length > 0) throw new RunEnded('verdict', (verdicts[0] as Verdict).detail);
  }

  private report(phase: string, total: number): void {
    const { machine } = this;
    const now = this.hooks.hostMs();
    if (now - this.lastReport < 100) return;
    this.lastReport = now;
    this.hooks.onProgress({ phase, done: this.done, total, modelNs: machine.modelTime, events: machine.digest.events });
  }
}
