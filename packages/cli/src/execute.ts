import type { PlaceOptions } from '@kmemlab/experiments';
import {
  compareResults,
  defaultRunId,
  type Failure,
  oneLine,
  RunDirectory,
  RunDirectoryError,
  type RunResult,
} from '@kmemlab/results';
import type { Job } from './plan.js';
import { ProgressLine } from './progress.js';
import type { CliContext, Engine } from './types.js';
import { failedWith, notStarted } from './unfinished.js';
import { UsageError } from './usage-error.js';

export interface ExecuteOptions {
  /** Run directory; a fresh one below `runs/` if absent. */
  readonly out: string | undefined;
  /** What the user named: names a fresh run directory. */
  readonly experiment: string;
  readonly checkDeterminism: boolean;
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
 * Runs every job, one after the other, and writes each into the run directory as it goes. A full disk or an
 * interruption ends the run in hand and leaves the remaining jobs not started; a run that fails by itself does not.
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
  const results: RunResult[] = [];
  let halt: Failure | undefined;
  try {
    for (const [index, job] of jobs.entries()) {
      if (halt === undefined && context.signal.aborted)
        halt = { kind: 'interrupted', detail: 'before the run started' };
      if (halt !== undefined) {
        results.push(notStarted(job.scenario, halt));
        continue;
      }
      const { result, stopped } = await executeJob(context, engine, job, root, options, [index + 1, jobs.length]);
      results.push(result);
      halt = stopped;
    }
    if (jobs.length > 1 && (halt === undefined || halt.kind === 'interrupted'))
      root.writeComparison(compareResults(results));
  } catch (error) {
    if (!(error instanceof RunDirectoryError)) {
      root.discard();
      throw error;
    }
    results[0] = failedWith(results[0] as RunResult, failureOf(error));
  }
  return { results, directory: root.path };
}

async function executeJob(
  context: CliContext,
  engine: Engine,
  job: Job,
  root: RunDirectory,
  options: ExecuteOptions,
  [number, count]: readonly [number, number],
): Promise<{ readonly result: RunResult; readonly stopped?: Failure }> {
  const { scenario } = job;
  let writeError: RunDirectoryError | undefined;
  let latest: RunResult | undefined;
  const stop = new AbortController();
  const attempt = (write: () => void) => {
    try {
      if (writeError === undefined) write();
    } catch (error) {
      if (!(error instanceof RunDirectoryError)) throw error;
      writeError = error;
      stop.abort();
    }
  };

  let directory = root;
  attempt(() => {
    if (job.directory !== '') directory = root.child(job.directory);
    directory.writeScenario(engine.scenarioToYaml(scenario));
  });
  if (writeError !== undefined) {
    const failure = failureOf(writeError);
    return { result: notStarted(scenario, failure), stopped: failure };
  }

  const interrupt = () => stop.abort();
  context.signal.addEventListener('abort', interrupt, { once: true });
  const name = count === 1 ? '' : `${number}/${count} ${scenario.kernel} seed ${scenario.seed} `;
  const clock = scenario.engine === 'live' ? 'machine' : 'model';
  const progress = new ProgressLine(context.stderr, context.now, name, clock);
  const runOptions = {
    signal: stop.signal,
    place: options.place,
    onProgress: progress.show,
    ...(number === 1 && { onBroker: (broker: string) => context.stderr.write(`broker: ${broker}\n`) }),
    onPartial: (partial: RunResult) => {
      latest = partial;
      attempt(() => directory.writeResult(partial));
    },
  };
  let result: RunResult;
  try {
    result = options.checkDeterminism
      ? await runRepeatedly(engine, scenario, runOptions)
      : await engine.runScenario(scenario, runOptions);
  } catch (error) {
    if (engine.isInputError(error)) throw error;
    const failure = { kind: 'internal', detail: oneLine(error) };
    result = latest ? failedWith(latest, failure) : notStarted(scenario, failure);
  } finally {
    progress.clear();
    context.signal.removeEventListener('abort', interrupt);
  }
  attempt(() => directory.writeResult(result));
  if (writeError !== undefined) {
    const failure = failureOf(writeError);
    return { result: failedWith(result, failure), stopped: failure };
  }
  if (result.outcome === 'incomplete' && context.signal.aborted) {
    return { result, stopped: { kind: 'interrupted', detail: 'before the run started' } };
  }
  return { result };
}

type RunOptions = NonNullable<Parameters<Engine['runScenario']>[1]>;

/** The result with what repeating it has shown; different digests fail it. An interrupted run is not judged. */
async function runRepeatedly(engine: Engine, scenario: Job['scenario'], options: RunOptions): Promise<RunResult> {
  const { result: known, ...check } = await engine.checkDeterminism(scenario, options);
  const result = known ?? (await engine.runScenario(scenario, options));
  if (result.outcome === 'incomplete' || result.outcome === 'failed') return result;
  const same = check.same && (result.digest === undefined || result.digest === check.digest);
  const determinism = { ...check, same };
  if (same) return { ...result, determinism };
  const detail = check.firstDifference ?? `digest ${result.digest} and ${check.digest}`;
  return failedWith({ ...result, determinism }, { kind: 'not-deterministic', detail });
}
