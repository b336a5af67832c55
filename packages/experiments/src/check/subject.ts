import type { Checker } from '@kmemlab/checker';
import { resolveCosts, Topology, type Verdict } from '@kmemlab/machine';
import {
  BEGINNING,
  Checkpoint,
  type Decider,
  type Extent,
  History,
  type Place,
  replay,
  type SimEvent,
  SimMachine,
  type Stall,
} from '@kmemlab/machine-sim';
import type { IdlePatch } from '@kmemlab/results';
import type { Scenario } from '../api.js';
import { checkerFor, restOf } from '../lab/checked.js';
import { RunEnded } from '../lab/run-ended.js';
import { type Past, SimLab, type SimLabHooks } from '../lab/sim-lab.js';
import type { Experiment } from '../lab/types.js';
import { kernelOf } from '../scenario/kernel-of.js';
import { idlePatches, type PatchUse } from '../scenario/patch-use.js';
import { findExperiment } from '../scenario/resolve.js';

/** How one schedule ended. */
export interface Trial {
  readonly verdict: Verdict | undefined;
  /** The verdict is of a rule that was broken, but nothing came of it. */
  readonly harmless: boolean;
  /** Model code threw something that is no verdict. */
  readonly failure: string | undefined;
  /** Those that the decider asked for. */
  readonly stalls: readonly Stall[];
  readonly extent: Extent;
  /** Events and preemption points so far at the end of each phase, in order. */
  readonly phases: readonly PhaseEnd[];
  /** Digest of all events since power-on. */
  readonly digest: string;
}

export interface PhaseEnd extends Place {
  readonly name: string;
  /** Nothing went on then: trials can begin there. */
  readonly still: boolean;
}

/** Hears every event of a schedule before it happens, and those that it brings about. */
export interface Listener {
  readonly onStep: (event: SimEvent, time: number) => void;
  readonly onSend?: ((event: SimEvent) => void) | undefined;
}

const NOTHING = (): void => {};

/** Durations of schedules in which somebody is late say nothing. */
const NOWHERE = { record: NOTHING, kick: NOTHING };

/** Where a trial begins: the machine there, and the phases that it has been through without anybody being late. */
export interface Beginning {
  readonly place: Place;
  readonly checkpoint: Checkpoint;
  readonly past: Past;
  readonly phases: readonly PhaseEnd[];
  /** Since the first of the places where trials begin. */
  readonly history: History;
}

/** What trials need of a machine that was made and has booted. */
interface Booted {
  readonly machine: SimMachine;
  readonly checker: Checker;
  readonly experiment: Experiment;
  readonly params: Scenario['params'];
  readonly newLab: (onPhase: SimLabHooks['onPhase'], past?: Past) => SimLab;
  readonly save: () => Checkpoint;
  /** Why the machine did not boot; every trial then ends like that. */
  readonly bootError: unknown;
}

/**
 * A scenario's machine on which schedules are tried. It boots once; every trial begins where the boot has ended, or later.
 */
export class Subject {
  /** Digest of all events of the boot: another one means another kernel model. */
  readonly bootDigest: string;
  /** In the order of the schedule. */
  private beginnings: readonly Beginning[];

  private constructor(
    readonly topology: Topology,
    private readonly booted: Booted,
    private readonly windows: readonly string[] | undefined,
    private readonly uses: readonly PatchUse[],
  ) {
    this.bootDigest = booted.machine.digest.toString();
    const checkpoint = booted.save();
    const history = new History(topology, null);
    this.beginnings = [{ place: BEGINNING, checkpoint, past: { values: [], pid: 0 }, phases: [], history }];
  }

  /**
   * @param windows labels of the preemption points that count; all if absent
   * @throws InputError if a patch file does not load
   */
  static async of(scenario: Scenario, windows?: readonly string[]): Promise<Subject> {
    const experiment = findExperiment(scenario.experiment);
    const { build, uses } = await kernelOf(scenario);
    for (const use of uses) use.watch(build);
    const topology = new Topology(scenario.nodes, scenario.cpusPerNode);
    const costs = resolveCosts(scenario.costs);
    const checker = checkerFor(build, topology, () => machine);
    const machine: SimMachine = new SimMachine({
      build,
      topology,
      costs,
      seed: scenario.seed,
      strategy: 'time',
      durations: NOWHERE,
      probe: checker,
      stretches: experiment.stretches?.(scenario.params) ?? [],
    });
    for (const cpu of machine.cpus) cpu.pointsAreSteps = true;
    const hooksWith = (onPhase: SimLabHooks['onPhase']): SimLabHooks => ({
      onPhase,
      onProgress: NOTHING,
      interrupted: () => false,
      hostMs: () => 0,
      breathe: () => Promise.resolve(),
      audit: (stuck) => (stuck ? checker.audit('stuck') : checker.inspect(restOf(machine))),
      conclude: () => checker.conclude(),
    });
    const newLab: Booted['newLab'] = (onPhase, past) => new SimLab(machine, topology, hooksWith(onPhase), past);
    const save = (): Checkpoint => new Checkpoint([machine, checker], [build, topology, costs]);
    const bootError: unknown = await newLab(NOTHING)
      .boot()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    const { params } = scenario;
    return new Subject(topology, { machine, checker, experiment, params, newLab, save, bootError }, windows, uses);
  }

  /** Label of the preemption point that the CPU is passing, null if it is not at one. */
  pointOf(cpu: number): string | null {
    return this.booted.machine.cpus[cpu]?.atPoint ?? null;
  }

  /** Patches of the user's that made no difference in any trial yet. */
  get idlePatches(): readonly IdlePatch[] {
    return idlePatches(this.uses);
  }

  /** Where the first of the trials begin. */
  get first(): Beginning {
    return this.beginnings[0] as Beginning;
  }

  /** The last of the places where trials begin before anybody is late. */
  beginningFor({ earliest = BEGINNING }: Decider): Beginning {
    const { step, point } = earliest;
    return this.beginnings.findLast(({ place }) => place.step <= step && place.point <= point) ?? this.first;
  }

  /**
   * The schedule in which nobody is late. From now on trials begin wherever the machine stood still at the end of one of its phases,
   * since what comes before is the same in all in which nobody is late before. Only once.
   * @param from phase before which nobody is ever late; trials begin at the last standstill before it, or later
   */
  async mark(from?: string): Promise<Trial> {
    const marked: (Beginning & { readonly isBefore: boolean })[] = [];
    const values: unknown[] = [];
    let history = new History(this.topology, null);
    let isBefore = from !== undefined;
    const onStep: Listener['onStep'] = (event) => history.step(event);
    const trial = await this.go(replay([]), { onStep }, this.first, (phases, value, pid) => {
      values.push(value);
      const place = phases.at(-1) as PhaseEnd;
      isBefore &&= place.name !== from;
      if (!place.still) return;
      if (isBefore) history = new History(this.topology, null);
      const past = { values: [...values], pid };
      const checkpoint = this.booted.save();
      marked.push({ place, checkpoint, past, phases: [...phases], history: history.continued(null), isBefore });
    });
    const useful = marked.filter(({ place }) => place.step < trial.extent.steps);
    const least = useful.findLastIndex((beginning) => beginning.isBefore);
    this.beginnings = least < 0 ? [this.first, ...useful] : useful.slice(least);
    return trial;
  }

  /**
   * Run the scenario under the stalls that the decider asks for.
   * @param beginning where it begins; nobody may be late before that
   */
  trial(decide: Decider, listener?: Listener, beginning = this.beginningFor(decide)): Promise<Trial> {
    return this.go(decide, listener, beginning, NOTHING);
  }

  /** @param onPhase hears of the end of each phase: all of them so far, what this one came to, and the script's task */
  private async go(
    decide: Decider,
    listener: Listener | undefined,
    beginning: Beginning,
    onPhase: (phases: readonly PhaseEnd[], value: unknown, pid: number) => void,
  ): Promise<Trial> {
    const { machine, checker, newLab } = this.booted;
    const { checkpoint, past, place } = beginning;
    checkpoint.restore();
    const order = machine.schedule(decide, this.windows, place);
    machine.onStep = listener?.onStep ?? null;
    machine.onSend = listener?.onSend ?? null;
    const phases: PhaseEnd[] = [...beginning.phases];
    const lab: SimLab = newLab((name, value) => {
      phases.push({ name, step: order.step, point: order.points, still: machine.still });
      onPhase(phases, value, lab.pid);
    }, past);
    let failure: string | undefined;
    try {
      await this.run(lab);
    } catch (error) {
      if (!(error instanceof RunEnded) || error.reason !== 'verdict') failure = describe(error);
    }
    const { stalls, step: steps, points } = order;
    return {
      verdict: machine.verdicts[0],
      harmless: checker.concluded,
      failure,
      stalls,
      extent: { steps, points },
      phases,
      digest: machine.digest.toString(),
    };
  }

  private async run(lab: SimLab): Promise<void> {
    const { experiment, params, bootError } = this.booted;
    if (bootError !== undefined) throw bootError;
    await experiment.run(lab, params);
    await lab.drain();
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
