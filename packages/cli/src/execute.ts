import { setMaxListeners } from 'node:events';
import type { PlaceOptions, RunOptions, Scenario } from '@kmemlab/experiments';
import {
  compareResults,
  defaultRunId,
  type Failure,
  oneLine,
  RunDirectory,
  RunDirectoryError,
  RunFailed,
  type RunResult,
} from '@kmemlab/results';
import type { Job } from './plan.js';
import { ProgressLine } from './progress.js';
import type { CliContext, Engine } from './types.js';
import { endedBy, notStarted } from './unfinished.js';
import { UsageError } from './usage-error.js';

export interface ExecuteOptions {
  /** Run directory; a fresh one below `runs/` if absent. */
  readonly out: string | undefined;
  /** What the user named: names a fresh run directory. */
  readonly experiment: string;
  readonly checkDeterminism: boolean;
  /** Runs at the same time, at most. */
  readonly atOnce: number;
  /** Where and how the live machine runs. */
  readonly place: PlaceOptions;
}

export interface Executed {
  /** One per job, in order. */
  readonly results: readonly RunResult[];
  /** Undefined if it could not be created. */
  readonly directory: string | undefined;
}

function openRunDirectory(context: CliContext, options: ExecuteOptions): RunDirectory {
  if (options.out !== undefined) return RunDirectory.open(options.out, context.fileSystem);
  return RunDirectory.createFresh('runs', defaultRunId(options.experiment, context.now()), context.fileSystem);
}

function failureOf(error: RunDirectoryError): Failure {
  const mend = error.kind === 'disk-full' ? 'free some space or choose another --out' : 'choose another --out';
  return {
    kind: error.kind === 'disk-full' ? 'disk-full' : 'write-failed',
    detail: `${error.path} (${error.code}); ${mend}`,
  };
}

/** A run directory that cannot exist is wrong input, except that a full disk is a failure of the run. */
function asUsageError(error: RunDirectoryError): UsageError {
  const why = {
    'not-a-directory': 'something that is not a directory is in the way',
    'not-permitted': 'no permission to write there',
    'write-failed': 'it cannot be created',
    'disk-full': 'the disk is full',
  }[error.kind];
  return new UsageError(`run directory ${error.path}: ${why} (${error.code}); choose another with --out DIR`);
}

/**
 * Runs every job, `atOnce` side by side, and writes each into the run directory as it goes. A full disk or an
 * interruption ends the runs in hand and leaves the remaining jobs not started; a run that fails by itself does not.
 * Throws {@link UsageError} or the engine's input error, with nothing left on disk.
 */
export async function executeJobs(
  context: CliContext,
  engine: Engine,
  jobs: readonly Job[],
  options: ExecuteOptions,
): Promise<Executed> {
  let root: RunDirectory;
  try {
    root = openRunDirectory(context, options);
  } catch (error) {
    if (!(error instanceof RunDirectoryError)) throw error;
    if (error.kind !== 'disk-full') throw asUsageError(error);
    return { results: jobs.map(({ scenario }) => notStarted(scenario, failureOf(error))), directory: undefined };
  }
  const execution = new Execution(context, engine, jobs, options, root);
  try {
    await execution.run();
  } catch (error) {
    if (!(error instanceof RunDirectoryError)) {
      root.discard();
      throw error;
    }
    execution.results[0] = endedBy(execution.results[0] as RunResult, failureOf(error));
  }
  return { results: execution.results, directory: root.path };
}

/** The runs of one command. */
class Execution {
  /** By job. */
  readonly results: RunResult[] = [];
  /** Aborted when the runs in hand are to end. */
  private readonly stop = new AbortController();
  /** Why no further job starts. */
  private halt: Failure | undefined;
  /** Runs in hand. */
  private readonly running = new Set<Job>();

  constructor(
    private readonly context: CliContext,
    private readonly engine: Engine,
    private readonly jobs: readonly Job[],
    private readonly options: ExecuteOptions,
    private readonly root: RunDirectory,
  ) {}

  /** Throws the engine's input error once all runs have ended, and RunDirectoryError if the comparison cannot be written. */
  async run(): Promise<void> {
    const { context, jobs, root, stop } = this;
    setMaxListeners(0, stop.signal);
    const interrupt = () => stop.abort();
    context.signal.addEventListener('abort', interrupt, { once: true });
    const waiting = jobs.entries();
    const lanes = Array.from({ length: this.options.atOnce }, () => this.doJobs(waiting));
    const refused = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
    context.signal.removeEventListener('abort', interrupt);
    if (refused !== undefined) throw refused.reason;
    if (jobs.length > 1 && (this.halt === undefined || this.halt.kind === 'interrupted')) {
      root.writeComparison(compareResults(this.results));
    }
  }

  /** Does one job after the other, until none is left. */
  private async doJobs(waiting: IterableIterator<[number, Job]>): Promise<void> {
    for (const [index, job] of waiting) {
      if (this.context.signal.aborted) this.halt ??= { kind: 'interrupted', detail: 'before the run started' };
      if (this.halt !== undefined) {
        this.results[index] = notStarted(job.scenario, this.halt);
        continue;
      }
      this.running.add(job);
      try {
        this.results[index] = await this.do(job, index + 1);
      } catch (error) {
        this.endAll({ kind: 'internal', detail: oneLine(error) });
        throw error;
      } finally {
        this.running.delete(job);
      }
    }
  }

  /** No further job starts, and those in hand end. */
  private endAll(why: Failure): void {
    this.halt ??= why;
    this.stop.abort();
  }

  private async do(job: Job, number: number): Promise<RunResult> {
    const { scenario } = job;
    const files = new JobFiles(this.root, (failure) => this.endAll(failure));
    files.begin(job, this.engine.scenarioToYaml(scenario));
    if (files.failure !== undefined) return notStarted(scenario, files.failure);

    const { context, options } = this;
    const name =
      this.jobs.length === 1 ? '' : `${number}/${this.jobs.length} ${scenario.kernel} seed ${scenario.seed} `;
    const progress = new ProgressLine(
      context.stderr,
      context.now,
      name,
      scenario.engine === 'live' ? 'machine' : 'model',
    );
    let latest: RunResult | undefined;
    let result: RunResult;
    try {
      const run = options.checkDeterminism ? runRepeatedly : runOnce;
      result = await run(this.engine, scenario, {
        signal: this.stop.signal,
        place: options.place,
        sideBySide: options.atOnce > 1 && this.jobs.length > 1,
        onProgress: (at) => {
          // Of several runs side by side the one that has been going on for longest.
          if (job === firstOf(this.running)) progress.show(at);
        },
        ...(number === 1 && { onBroker: (broker: string) => context.stderr.write(`broker: ${broker}\n`) }),
        onPartial: (partial) => {
          latest = partial;
          files.result(partial);
        },
      });
    } catch (error) {
      if (this.engine.isInputError(error)) throw error;
      const kind = error instanceof RunFailed ? error.kind : 'internal';
      const failure = { kind, detail: oneLine(error instanceof RunFailed ? error.detail : error) };
      result = latest ? endedBy(latest, failure) : notStarted(scenario, failure);
    } finally {
      progress.clear();
    }
    // Ended for another's sake.
    if (result.outcome === 'incomplete' && this.halt !== undefined && !context.signal.aborted)
      result = endedBy(result, this.halt);
    files.result(result);
    return files.failure === undefined ? result : endedBy(result, files.failure);
  }
}

const firstOf = <T>(set: ReadonlySet<T>): T | undefined => set.values().next().value;

/** What one job writes. Once that has failed it writes nothing more. */
class JobFiles {
  failure: Failure | undefined;
  private directory: RunDirectory;

  constructor(
    root: RunDirectory,
    private readonly onFailure: (failure: Failure) => void,
  ) {
    this.directory = root;
  }

  begin({ directory }: Job, scenario: string): void {
    this.attempt(() => {
      if (directory !== '') this.directory = this.directory.child(directory);
      this.directory.writeScenario(scenario);
    });
  }

  result(result: RunResult): void {
    this.attempt(() => this.directory.writeResult(result));
  }

  private attempt(write: () => void): void {
    if (this.failure !== undefined) return;
    try {
      write();
    } catch (error) {
      if (!(error instanceof RunDirectoryError)) throw error;
      this.failure = failureOf(error);
      this.onFailure(this.failure);
    }
  }
}

const runOnce = (engine: Engine, scenario: Scenario, options: RunOptions): Promise<RunResult> =>
  engine.runScenario(scenario, options);

/** The result with what repeating it has shown; different digests fail it. An interrupted run is not judged. */
async function runRepeatedly(engine: Engine, scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const { result: known, ...check } = await engine.checkDeterminism(scenario, options);
  const result = known ?? (await engine.runScenario(scenario, options));
  if (result.outcome === 'incomplete' || result.outcome === 'failed') return result;
  const same = check.same && (result.digest === undefined || result.digest === check.digest);
  const determinism = { ...check, same };
  if (same) return { ...result, determinism };
  const detail = check.firstDifference ?? `digest ${result.digest} and ${check.digest}`;
  return endedBy({ ...result, determinism }, { kind: 'not-deterministic', detail });
}
