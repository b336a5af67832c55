import type { KernelConfig, Patch, Placement, Program, Stretch } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import type { Emptied, FindTiming, Reparented, Sample, ScriptReadings } from '@kmemlab/results';
import type { ParamSpecs, ParamValues } from '../params.js';

/** What a guest program is told from outside. */
export interface GuestControl {
  readonly pid: number;
  /** True once the experiment asked background tasks to end. */
  readonly stopped: () => boolean;
  /** Report progress: units of the phase done so far. */
  readonly tick: (done: number) => void;
}

export type ProgramFactory<T> = (control: GuestControl) => Program<T>;

export interface PhaseOptions {
  /** Units of work in this phase, for progress. */
  readonly total?: number;
  /**
   * `returned`: the phase ends when its program has returned and no call-function interrupt is pending. `quiet`: also
   * when no callback, work item or message is left.
   */
  readonly until?: 'returned' | 'quiet';
}

/**
 * A booted machine on which an experiment runs its programs, phase by phase. The same experiment runs on every machine.
 * Every phase mark waits until no call-function interrupt is in flight.
 */
export interface Lab {
  readonly topology: Topology;
  /** CPUs that are not isolated, ascending: where tasks run that are not pinned elsewhere. */
  readonly housekeeping: readonly number[];
  /** Start a task in the root cgroup that runs beside the phases until it returns. */
  background(name: string, program: ProgramFactory<unknown>, placement: Placement): void;
  /** Ask background tasks to end; a phase that is begun after that goes on until they have. */
  stopBackground(): void;
  /** Run a program in a new task as one phase. */
  phase<T>(name: string, program: ProgramFactory<T>, placement: Placement, options?: PhaseOptions): Promise<T>;
  /** Run a program in the task of the last phase as the next phase. */
  nextPhase<T>(name: string, program: ProgramFactory<T>, placement: Placement, options?: PhaseOptions): Promise<T>;
}

/** What an experiment found out beyond the counters. */
export interface Findings {
  readonly script?: ScriptReadings;
  readonly series?: readonly Sample[];
  readonly emptied?: Emptied;
  readonly find?: FindTiming;
  readonly reparented?: Reparented;
}

/** A built-in experiment: parameters, and the phases it runs. */
export interface Experiment {
  readonly name: string;
  readonly summary: string;
  readonly params: ParamSpecs;
  /** The kernel that it is about, if none is named; v4.10 if absent. */
  readonly kernel?: string;
  /** The allocator that it is about; any if absent. */
  readonly allocator?: 'slab';
  /** Whether it goes to the mount or the files of cgroups version 1, which a kernel with cgroup2 has not. */
  readonly needsCgroupV1?: (params: ParamValues) => boolean;
  /** What is wrong with parameters that would mean nothing together, or on such a machine, and how to mend it. */
  readonly contradiction?: (params: ParamValues, topology: Topology, config: KernelConfig) => string | undefined;
  /** Phases that make up the measured window. */
  readonly window: readonly string[];
  /** Phase that makes one root cache after boot, if there is one. */
  readonly rootCachePhase?: string;
  /** Parameters of one schedule of a search, where they differ: as little as shows what the experiment is about. */
  readonly schedule?: ParamValues;
  /** Objects that the kernel is built with if the configuration does not say, where they are not those of a distribution. */
  readonly objects?: (params: ParamValues) => KernelConfig['objects'];
  /** A parameter that stands for the kernel: it picks the kernel if none is named, and otherwise follows from it. */
  readonly picksKernel?: {
    readonly param: string;
    readonly kernelOf: (value: number) => string;
    readonly valueIn: (patches: readonly Patch[]) => number;
  };
  /** Windows to stretch on purpose, from the parameters. */
  readonly stretches?: (params: ParamValues) => Stretch[];
  readonly run: (lab: Lab, params: ParamValues) => Promise<Findings>;
}
