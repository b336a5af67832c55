import type { CatalogueEntry, CatalogueTopic, RunOptions, RunRequest, Scenario } from '@kmemlab/experiments';
import type { DeterminismCheck, FileSystem, RunResult } from '@kmemlab/results';
import type { CommandContext } from '@stricli/core';

/** The experiments, as the command needs them; tests pass a fake one. */
export interface Engine {
  /** Checks the whole request. Throws an input error (see {@link Engine.isInputError}). */
  resolveScenario(request: RunRequest): Promise<Scenario>;
  runScenario(scenario: Scenario, options?: RunOptions): Promise<RunResult>;
  /** Runs twice. With `result`, the command does not have to run a third time. */
  checkDeterminism(
    scenario: Scenario,
    options?: RunOptions,
  ): Promise<DeterminismCheck & { readonly result?: RunResult }>;
  catalogue(topic: CatalogueTopic): readonly CatalogueEntry[];
  scenarioToYaml(scenario: Scenario): string;
  isInputError(error: unknown): boolean;
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
