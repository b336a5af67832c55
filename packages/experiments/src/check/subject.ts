import type { Checker } from '@kmemlab/checker';
import { resolveCosts, Topology, type Verdict } from '@kmemlab/machine';
import { Checkpoint, type Decider, type Extent, type SimEvent, SimMachine, type Stall } from '@kmemlab/machine-sim';
import type { Scenario } from '../api.js';
import { checkerFor, restOf } from '../lab/checked.js';
import { RunEnded } from '../lab/run-ended.js';
import { SimLab } from '../lab/sim-lab.js';
import type { Experiment } from '../lab/types.js';
import { kernelOf } from '../scenario/kernel-of.js';
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

export interface PhaseEnd {
  readonly name: string;
  readonly step: number;
  readonly point: number;
}

/** Hears every event of a schedule before it happens. */
export type OnStep = (event: SimEvent, time: number) => void;

const NOTHING = (): void => {};

/** Durations of schedules in which somebody is late say nothing. */
const NOWHERE = { record: NOTHING, kick: NOTHING };

/**
 * A scenario's machine on which schedules are tried. It boots once; every trial begins where the boot has ended.
 */
export class Subject {
  /** Digest of all events of the boot: another one means another kernel model. */
  readonly bootDigest: string;

  private constructor(
    readonly topology: Topology,
    private readonly machine: SimMachine,
    private readonly checker: Checker,
    private readonly newLab: () => SimLab,
    private readonly boot: Checkpoint,
    private readonly experiment: Experiment,
    private readonly params: Scenario['params'],
    /** Why the machine did not boot; every trial then ends like that. */
    private readonly bootError: unknown,
    private readonly windows: readonly string[] | undefined,
    /** Told of the end of each phase. */
    private readonly listener: { onPhase: (name: string) => void },
  ) {
    this.bootDigest = machine.digest.toString();
  }

  /**
   * @param windows labels of the preemption points that count; all if absent
   * @throws InputError if a patch file does not load
   */
  static async of(scenario: Scenario, windows?: readonly string[]): Promise<Subject> {
    const experiment = findExperiment(scenario.experiment);
    const { build } = await kernelOf(scenario);
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
    const listener = { onPhase: NOTHING as (name: string) => void };
    const newLab = (): SimLab =>
      new SimLab(machine, topology, {
        onProgress: NOTHING,
        onPhase: (name) => listener.onPhase(name),
        interrupted: () => false,
        hostMs: () => 0,
        breathe: () => Promise.resolve(),
        audit: (stuck) => (stuck ? checker.audit('stuck') : checker.inspect(restOf(machine))),
        conclude: () => checker.conclude(),
      });
    const bootError: unknown = await newLab()
      .boot()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    const boot = new Checkpoint([machine, checker], [build, topology, costs]);
    return new Subject(
      topology,
      machine,
      checker,
      newLab,
      boot,
      experiment,
      scenario.params,
      bootError,
      windows,
      listener,
    );
  }

  /** Label of the preemption point that the CPU is passing, null if it is not at one. */
  pointOf(cpu: number): string | null {
    return this.machine.cpus[cpu]?.atPoint ?? null;
  }

  /** Run the scenario from the end of the boot, under the stalls that the decider asks for. */
  async trial(decide: Decider, onStep: OnStep | null = null): Promise<Trial> {
    const { machine, experiment, params } = this;
    this.boot.restore();
    const order = machine.schedule(decide, this.windows);
    machine.onStep = onStep;
    const phases: PhaseEnd[] = [];
    this.listener.onPhase = (name) => phases.push({ name, step: order.step, point: order.points });
    const lab = this.newLab();
    let failure: string | undefined;
    try {
      if (this.bootError !== undefined) throw this.bootError;
      await experiment.run(lab, params);
      await lab.drain();
    } catch (error) {
      if (!(error instanceof RunEnded) || error.reason !== 'verdict') failure = describe(error);
    }
    const { stalls, step: steps, points } = order;
    return {
      verdict: machine.verdicts[0],
      harmless: this.checker.concluded,
      failure,
      stalls,
      extent: { steps, points },
      phases,
      digest: machine.digest.toString(),
    };
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
