import {
  InputError,
  type Progress,
  type RunOptions,
  runScenario,
  type Scenario,
  scenarioToYaml,
} from '@kmemlab/experiments';
import { defaultRunId, type Failure, oneLine, RunDirectory, RunDirectoryError, type RunResult } from '@kmemlab/results';

/** An order that cannot be run; one sentence that says why. Nothing of it is left on disk. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** An order that has been checked. */
export interface Job {
  readonly id: string;
  readonly scenario: Scenario;
}

/** What every run of the service has in common. */
export interface RunSite extends Required<Pick<RunOptions, 'place' | 'startCluster'>> {
  /** Where run directories are made. */
  readonly runs: string;
}

export interface JobOptions {
  /** Aborting interrupts the run; a {@link Failure} as its reason is what the run then has failed with. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface Ran {
  readonly result: RunResult;
  /** Path of the run directory. */
  readonly directory: string;
}

const failed = (result: RunResult, failure: Failure): RunResult => ({ ...result, outcome: 'failed', failure });

const failureOf = ({ kind, path, code }: RunDirectoryError): Failure => ({
  kind: kind === 'disk-full' ? 'disk-full' : 'write-failed',
  detail: `${path} (${code}); mend it, or choose another directory with KMEMLAB_RUNS`,
});

/** Writes a run's documents until the first that cannot be written; `onFailure` is called then. */
class Keeper {
  failure: Failure | undefined;

  constructor(
    readonly directory: RunDirectory,
    private readonly onFailure: () => void,
  ) {}

  keep(result: RunResult): void {
    if (this.failure !== undefined) return;
    try {
      this.directory.writeResult(result);
    } catch (error) {
      if (!(error instanceof RunDirectoryError)) throw error;
      this.failure = failureOf(error);
      this.onFailure();
    }
  }
}

function openDirectory(runs: string, { id, scenario }: Job): RunDirectory {
  let directory: RunDirectory | undefined;
  try {
    directory = RunDirectory.createFresh(runs, `${defaultRunId(scenario.experiment, new Date())}-${id}`);
    directory.writeScenario(scenarioToYaml(scenario));
    return directory;
  } catch (error) {
    directory?.discard();
    if (!(error instanceof RunDirectoryError)) throw error;
    const { kind, detail } = failureOf(error);
    throw new Refusal(`there is no run directory for it: ${kind}: ${detail}`);
  }
}

/**
 * Run one order in a fresh run directory, in which the result so far is kept all the time. Whatever happens in the run is
 * in its result.
 * @throws Refusal if there is no place for it: on disk, or on the computers that it would run on
 */
export async function runJob(job: Job, { runs, ...how }: RunSite, { signal, onProgress }: JobOptions): Promise<Ran> {
  const directory = openDirectory(runs, job);
  const unwritable = new AbortController();
  const keeper = new Keeper(directory, () => unwritable.abort());
  let latest: RunResult | undefined;
  let result: RunResult;
  try {
    result = await runScenario(job.scenario, {
      ...how,
      signal: AbortSignal.any([signal, unwritable.signal]),
      onProgress,
      onPartial: (partial) => {
        latest = partial;
        keeper.keep(partial);
      },
    });
  } catch (error) {
    if (latest === undefined || error instanceof InputError) {
      directory.discard();
      throw new Refusal(oneLine(error));
    }
    result = failed(latest, { kind: 'internal', detail: oneLine(error) });
  }
  if (result.failure?.kind === 'interrupted' && isFailure(signal.reason)) result = failed(result, signal.reason);
  keeper.keep(result);
  if (keeper.failure !== undefined) result = failed(result, keeper.failure);
  return { result, directory: directory.path };
}

function isFailure(reason: unknown): reason is Failure {
  return typeof reason === 'object' && reason !== null && 'kind' in reason && 'detail' in reason;
}
