import type { RunResult } from '@kmemlab/results';
import type { StartCluster } from './lab/cluster.js';

/** A `--patch FILE` as read from disk; it travels as text with the run. */
export interface PatchFile {
  readonly path: string;
  readonly text: string;
}

/** What the user asked for, before validation. Absent fields take the scenario file's value or the default. */
export interface RunRequest {
  /** A built-in experiment's name, or the path of a scenario file ending in .yaml or .yml. */
  readonly experiment: string;
  /** A kernel specification such as `v4.10+avoid-kick-on-create`. */
  readonly kernel?: string;
  /** A patch that the kernel, or one that it is compared with, names goes into those that name it; any other into each. */
  readonly patchFiles?: readonly PatchFile[];
  /** Kernels that this one is compared with. */
  readonly comparedWith?: readonly string[];
  /** Comma-separated configuration tokens, e.g. `slab,nonpreempt,hz=250`. */
  readonly config?: string;
  /** If absent, `strategy` and `checkDeterminism` mean `sim`; otherwise it is `live`. */
  readonly engine?: 'sim' | 'live';
  readonly nodes?: number;
  readonly cpusPerNode?: number;
  /** A list of CPUs such as `2-3,7`. */
  readonly isolcpus?: string;
  /** The deterministic machine only. */
  readonly strategy?: 'time' | 'random';
  /** The scenario is for a search: on the deterministic machine, and small unless more is asked for. */
  readonly forSearch?: boolean;
  /** The scenario is for a check of determinism. */
  readonly checkDeterminism?: boolean;
  /** The live machine only: machine time per host time. */
  readonly timeScale?: number;
  readonly seed?: number;
  /** Experiment parameters as written on the command line (`--param k=v`). */
  readonly params?: Readonly<Record<string, string>>;
  /** Text of the scenario file when `experiment` is a path. */
  readonly scenarioText?: string;
}

/** Wrong input: one line that says what is wrong, where, and how to mend it. The command exits with status 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Progress of a run, for people. `done` and `total` count the unit of the current phase (loops, writes, …). */
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly modelNs: number;
  readonly events: number;
}

export interface RunOptions {
  /** Called a few times per second of host time. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Called with the result so far at each phase mark, and on the live machine when its nodes have reported, so that it can
   * be written before the run ends.
   */
  readonly onPartial?: (result: RunResult) => void;
  /** Called once on the live machine, when all nodes are up, with the broker that carries their messages, for people. */
  readonly onBroker?: (broker: string) => void;
  /** Aborting ends the run with outcome `incomplete`, failure kind `interrupted`. */
  readonly signal?: AbortSignal;
  /** Other runs go on at the same time. */
  readonly sideBySide?: boolean;
  /** Where and how the live machine runs; not part of the scenario. */
  readonly place?: PlaceOptions;
  /** Starts the node processes of a live run. */
  readonly startCluster?: StartCluster;
}

/** Choices about the computer that a live run uses. */
export interface PlaceOptions {
  /** URL of a NATS server to use instead of a broker of our own. */
  readonly nats?: string;
  /** Port for a broker of our own; any free one if absent. */
  readonly brokerPort?: number;
  /** Give each node cores of its own. */
  readonly pin?: boolean;
  /** Host time after which a step that should be short has failed, ms. */
  readonly deadlineMs?: number;
}

/** A validated request, ready to run: everything that could be wrong in the input has been checked. */
export interface Scenario {
  readonly experiment: string;
  readonly kernel: string;
  readonly config: readonly string[];
  readonly engine: 'sim' | 'live';
  readonly nodes: number;
  readonly cpusPerNode: number;
  /** CPUs that run a busy user task each, and nothing else that need not; ascending. */
  readonly isolcpus: readonly number[];
  readonly strategy: 'time' | 'random';
  /** Machine time per host time on the live machine; 1 on the deterministic one. */
  readonly timeScale: number;
  readonly seed: number;
  readonly params: Readonly<Record<string, number | string>>;
  readonly costs: Readonly<Record<string, number>>;
  readonly patchFiles: readonly PatchFile[];
}

/** One line of `kmemlab list`. */
export interface CatalogueEntry {
  readonly name: string;
  readonly summary: string;
  /** Of a patch: why it is right, for readers who do not know the code. */
  readonly why?: string;
  /** The kernel, or the mail, that it models. */
  readonly source?: string;
  /** Further lines: parameters with ranges and defaults, … */
  readonly details: readonly string[];
}

export type CatalogueTopic = 'experiments' | 'kernels' | 'patches' | 'verdicts' | 'profiles' | 'functions' | 'handlers';
