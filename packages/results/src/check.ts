import type { Failure, IdlePatch, JsonValue, Outcome, Verdict } from './schema.js';

export const searchStrategies = ['random', 'pct', 'exhaustive'] as const;

export type SearchStrategy = (typeof searchStrategies)[number];

/** A schedule by its deviations from the cost model's order: at these events whoever would act was late by so many ns. */
interface Stall {
  readonly step: number;
  readonly ns: number;
}

interface MachineShape {
  readonly nodes: number;
  readonly cpusPerNode: number;
  /** Only if CPUs are isolated. */
  readonly isolcpus?: readonly number[];
}

/** What a search of schedules found, as `kmemlab check --json` prints it (`kmemlab.check/1`). */
export interface CheckResult {
  readonly schema: 'kmemlab.check/1';
  readonly experiment: string;
  readonly kernel: string;
  readonly config: readonly string[];
  readonly machine: MachineShape;
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly strategy: SearchStrategy;
  /** Stalls in a schedule: exactly for pct, at most for exhaustive. */
  readonly depth?: number;
  readonly seed: number;
  /** Schedules asked for, and those tried up to the one that ended the search. */
  readonly asked: number;
  readonly schedules: number;
  /** An exhaustive search has tried everything within its bounds. */
  readonly complete: boolean;
  /** About how many different states were gone through, and how many different orders of dependent steps tried. */
  readonly states: number;
  readonly orders: number;
  /** Events of all schedules, and of the longest. */
  readonly steps: number;
  readonly longest: number;
  /** Patches of the user's that made no difference in any schedule; absent if all did. */
  readonly idlePatches?: readonly IdlePatch[];
  readonly outcome: Outcome;
  readonly failure?: Failure;
  readonly verdict?: Verdict;
  /** Where the verdict was found, and the smallest schedule that shows it. */
  readonly counterexample?: {
    readonly index: number;
    /** A rule was broken, but no schedule was found in which that did harm. */
    readonly harmless: boolean;
    readonly experiment: string;
    readonly kernel: string;
    readonly machine: MachineShape;
    readonly params: Readonly<Record<string, JsonValue>>;
    readonly stalls: readonly Stall[];
    readonly steps: number;
  };
  /** Path of the replay file, if one was saved. */
  readonly replay?: string;
  /** Host time of the search, without shrinking. */
  readonly elapsed: { readonly hostNs: number };
}

/** One thing that happened in a schedule; for a stall, what did not happen yet. */
export interface InterleavingRow {
  readonly kind: 'step' | 'stall' | 'conflict';
  /** ns of model time. */
  readonly time: number;
  readonly cpu: number;
  readonly text: string;
}

/** Who did what in a schedule, in order. */
export interface Interleaving {
  readonly cpus: number;
  readonly rows: readonly InterleavingRow[];
}

/** One kernel in the matrix of mutations. */
export interface MatrixRow {
  /** The patch that the kernel has on top of the version; none for the unbroken kernel. */
  readonly patch?: string;
  /** The rule or class of verdict that the patch breaks on purpose; absent for a patch that should break none. */
  readonly breaks?: string;
  /** What was found; absent if nothing was. */
  readonly verdict?: Pick<Verdict, 'class' | 'id'>;
  /** Where it was found: experiment and machine. */
  readonly scenario?: string;
  /** Schedules tried over all scenarios, up to the one with the verdict. */
  readonly schedules: number;
  /** Host time of that. */
  readonly hostNs: number;
  /** It is as it should be: what should be broken is found, and nothing else is. */
  readonly asExpected: boolean;
  readonly failure?: Failure;
}

/** `kmemlab matrix --mutations --json` (`kmemlab.matrix/1`). */
export interface MatrixResult {
  readonly schema: 'kmemlab.matrix/1';
  readonly version: string;
  readonly config: readonly string[];
  readonly strategy: CheckResult['strategy'];
  readonly seed: number;
  /** Schedules that each scenario is given at most. */
  readonly asked: number;
  readonly scenarios: readonly string[];
  readonly rows: readonly MatrixRow[];
  /** Mutations that have no row: they do not apply to the version, or take a search that is aimed at them. */
  readonly leftOut: readonly string[];
  /** Those of them that apply to the version; the bug matrix has the searches that are aimed at them. */
  readonly aimed: readonly string[];
  readonly outcome: Outcome;
  readonly elapsed: { readonly hostNs: number };
}
