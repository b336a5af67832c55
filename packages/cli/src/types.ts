import type {
  Broker,
  BrokerChoice,
  FloorSet,
  HostDescription,
  MeasureOptions,
  Presence,
  Registration,
  SubmitOptions,
} from '@kmemlab/coordinator';
import type {
  bugMatrix,
  CatalogueEntry,
  CatalogueTopic,
  check,
  mergeBugMatrix,
  mutationMatrix,
  playReplay,
  RunOptions,
  RunRequest,
  resolveCheck,
  Scenario,
} from '@kmemlab/experiments';
import type { DeterminismCheck, FileSystem, HostPairs, Outcome, RunResult } from '@kmemlab/results';
import type { CommandContext } from '@stricli/core';

/** Searches for schedules that break a kernel. */
export interface Searches {
  readonly resolveCheck: typeof resolveCheck;
  readonly check: typeof check;
  readonly playReplay: typeof playReplay;
  readonly mutationMatrix: typeof mutationMatrix;
  readonly bugMatrix: typeof bugMatrix;
  readonly mergeBugMatrix: typeof mergeBugMatrix;
}

/** The experiments, as the command needs them; tests pass a fake one. */
export interface Engine {
  /** Checks the whole request. Throws an input error (see {@link Engine.isInputError}). */
  resolveScenario(request: RunRequest): Promise<Scenario>;
  /** Throws RunFailed, or anything, if the run has no end of its own. */
  runScenario(scenario: Scenario, options?: RunOptions): Promise<RunResult>;
  /** Runs twice. With `result`, the command does not have to run a third time. */
  checkDeterminism(
    scenario: Scenario,
    options?: RunOptions,
  ): Promise<DeterminismCheck & { readonly result?: RunResult }>;
  readonly searches: Searches;
  catalogue(topic: CatalogueTopic): readonly CatalogueEntry[];
  scenarioToYaml(scenario: Scenario): string;
  isInputError(error: unknown): boolean;
}

/** What this computer has, and what the live machine could do with it. */
export interface HostReport extends Omit<HostDescription, 'limits'> {
  /** The machine with the most CPUs that it can hold. */
  readonly largest: { readonly nodes: number; readonly cpusPerNode: number };
}

/** What `kmemlab node` says. */
export interface NodeOptions {
  readonly nats: string;
  readonly name?: string;
  readonly env: CliContext['env'];
  readonly signal: AbortSignal;
  /** Hears one line when the node is registered. */
  readonly onRegistered: (line: string) => void;
}

/** A server that the user named, for a while. */
export interface ServerChoice {
  readonly nats: string;
  readonly env: CliContext['env'];
}

/** This computer, as the command needs it; tests pass a fake one. */
export interface Host {
  describe(env: CliContext['env']): Promise<HostReport>;
  /** Rejects with a usage error if what was asked for cannot be had. */
  openBroker(choice: BrokerChoice): Promise<Broker>;
  calibrate(options: MeasureOptions): Promise<FloorSet>;
  /** What messages between the nodes registered at this broker take; null if there are fewer than two. */
  betweenNodes(options: {
    readonly broker: Broker;
    readonly env: CliContext['env'];
    readonly signal: AbortSignal;
  }): Promise<HostPairs | null>;
  /** Serves runs as one NUMA node until the signal aborts. Rejects with a usage error if there is no such server. */
  serveNode(options: NodeOptions): Promise<void>;
  /** The nodes that are registered there, ordered by name; waits for one called `name`. Rejects with a usage error if there is no such server. */
  registeredNodes(choice: ServerChoice, name?: string): Promise<readonly Registration[]>;
  /** The coordinator services there. Rejects like `registeredNodes`. */
  services(choice: ServerChoice): Promise<readonly Presence[]>;
  /**
   * Have a coordinator service there run something: its result document, undefined if the signal was aborted before. Rejects
   * with a usage error if there is no such server or service, or it refuses.
   */
  submit(options: ServerChoice & Omit<SubmitOptions, 'bus'>): Promise<unknown>;
}

/** Where text goes. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width in columns, if it is a terminal. */
  readonly columns?: number;
}

/** Everything the command takes from its surroundings. */
export interface CliContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Host time. */
  readonly now: () => Date;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  readonly loadEngine: () => Promise<Engine>;
  readonly loadHost: () => Promise<Host>;
  /** Replaces `node:fs` for run directories; tests pass one that fails. */
  readonly fileSystem?: FileSystem;
}

/** What a command function runs on: the context, and where it leaves its exit status. */
export interface CommandThis extends CommandContext {
  readonly cli: CliContext;
  status: ExitStatus;
}

/** Exit statuses of every command. */
export const ExitStatus = { ok: 0, verdict: 1, usage: 2, failed: 3, interrupted: 130 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Exit statuses of what comes to one outcome. */
export const statusOfOutcome: Readonly<Record<Outcome, ExitStatus>> = {
  ok: ExitStatus.ok,
  violation: ExitStatus.verdict,
  failed: ExitStatus.failed,
  incomplete: ExitStatus.interrupted,
};
