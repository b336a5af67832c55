import type { Failure, Outcome, RunResult } from '@kmemlab/results';
import { InputError, type RunOptions, type Scenario } from './api.js';
import type { Observed } from './lab/observed.js';
import { RunEnded } from './lab/run-ended.js';
import { TimelineRecorder } from './lab/timeline.js';
import type { Findings } from './lab/types.js';
import { runLive } from './run-live.js';
import { runSim } from './run-sim.js';
import type { BuiltKernel } from './scenario/kernel-of.js';

/** Everything that one run is made of; the result is built from it at each phase mark and at the end. */
export interface Run {
  readonly scenario: Scenario;
  readonly kernel: BuiltKernel;
  readonly observed: Observed;
  readonly timeline: TimelineRecorder;
  /** `performance.now()` when the run began. */
  readonly started: number;
  findings: Findings;
  outcome: Outcome;
  failure: Failure | undefined;
}

export const newRun = (scenario: Scenario, kernel: BuiltKernel, observed: Observed, started: number): Run => ({
  scenario,
  kernel,
  observed,
  timeline: new TimelineRecorder(),
  started,
  findings: {},
  outcome: 'ok',
  failure: undefined,
});

/**
 * Run a scenario to its end. Never throws for what happens inside the machine: verdicts, failures of model code, of
 * processes and of the transport, and interruption are outcomes of the result.
 * @throws InputError if a patch file does not load, or the place cannot run the scenario
 */
export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
  return scenario.engine === 'live' ? runLive(scenario, options) : runSim(scenario, options);
}

/**
 * Note why a run ended before its end.
 * @throws InputError if that is what ended it
 */
export function endWith(run: Run, error: unknown): void {
  if (error instanceof InputError) throw error;
  if (error instanceof RunEnded && error.reason === 'verdict') run.outcome = 'violation';
  else if (error instanceof RunEnded && error.reason === 'interrupted') {
    run.outcome = 'incomplete';
    run.failure = { kind: 'interrupted', detail: error.detail };
  } else {
    run.outcome = 'failed';
    const detail = error instanceof Error ? error.message : String(error);
    const known = error instanceof RunEnded ? error.kind : undefined;
    run.failure = { kind: known ?? (run.kernel.users.length > 0 ? 'patch-threw' : 'internal'), detail };
  }
}
