import type { KernelBuild } from '@kmemlab/kernel';
import { resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';
import type { DeterminismCheck, Failure, Outcome, RunResult } from '@kmemlab/results';
import { InputError, type RunOptions, type Scenario } from './api.js';
import { checkerFor, restOf } from './lab/checked.js';
import { EventComparison, EventLog } from './lab/event-log.js';
import { Recorder } from './lab/recorder.js';
import { type PhaseRecord, RunEnded, SimLab } from './lab/sim-lab.js';
import type { Findings } from './lab/types.js';
import { buildResult } from './result.js';
import { parseConfig, parseKernel } from './scenario/kernel-spec.js';
import { findExperiment } from './scenario/resolve.js';
import { buildKernel, loadUserPatch, type UserPatch } from './scenario/user-patch.js';

/** Everything that one run is made of; the result is built from it at each phase mark and at the end. */
export interface Run {
  readonly scenario: Scenario;
  readonly build: KernelBuild;
  readonly users: readonly UserPatch[];
  readonly machine: SimMachine;
  readonly phases: readonly PhaseRecord[];
  readonly recorder: Recorder;
  readonly started: number;
  findings: Findings;
  outcome: Outcome;
  failure: Failure | undefined;
}

type EventListener = SimMachine['onEvent'];

/**
 * Run a scenario to its end. Never throws for what happens inside the machine: verdicts, failures of model code and
 * interruption are outcomes of the result.
 * @throws InputError if a patch file does not load
 */
export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
  return runObserved(scenario, options, null);
}

async function runObserved(scenario: Scenario, options: RunOptions, onEvent: EventListener): Promise<RunResult> {
  const experiment = findExperiment(scenario.experiment);
  const users = await Promise.all(scenario.patchFiles.map(loadUserPatch));
  const builtIn = scenario.kernel.split('+').slice(0, -users.length || undefined);
  const build = buildKernel(parseKernel(builtIn.join('+')), users, parseConfig(scenario.config.join(',')));
  const topology = new Topology(scenario.nodes, scenario.cpusPerNode);
  const recorder = new Recorder();
  const checker = checkerFor(build, topology, () => machine);
  const machine: SimMachine = new SimMachine({
    build,
    topology,
    costs: resolveCosts(scenario.costs),
    seed: scenario.seed,
    strategy: scenario.strategy,
    durations: recorder,
    probe: checker,
    stretches: experiment.stretches?.(scenario.params) ?? [],
  });
  machine.onEvent = onEvent;
  const lab = new SimLab(machine, topology, recorder, {
    onProgress: (progress) => options.onProgress?.(progress),
    onPhase: () => options.onPartial?.(buildResult({ ...run, outcome: 'incomplete' })),
    interrupted: () => options.signal?.aborted ?? false,
    hostMs: () => performance.now(),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    audit: (stuck) => checker.audit(stuck ? 'stuck' : restOf(machine)),
  });
  const run: Run = {
    scenario,
    build,
    users,
    machine,
    phases: lab.phases,
    recorder,
    started: performance.now(),
    findings: {},
    outcome: 'ok',
    failure: undefined,
  };
  try {
    await lab.boot();
    run.findings = await experiment.run(lab, scenario.params);
    await lab.drain();
  } catch (error) {
    endWith(run, error);
  }
  return buildResult(run);
}

function endWith(run: Run, error: unknown): void {
  if (error instanceof InputError) throw error;
  if (error instanceof RunEnded && error.reason === 'verdict') run.outcome = 'violation';
  else if (error instanceof RunEnded && error.reason === 'interrupted') {
    run.outcome = 'incomplete';
    run.failure = { kind: 'interrupted', detail: error.detail };
  } else {
    run.outcome = 'failed';
    const detail = error instanceof Error ? error.message : String(error);
    run.failure = { kind: run.users.length > 0 ? 'patch-threw' : 'internal', detail };
  }
}

/** Run a scenario twice and compare every event. */
export async function checkDeterminism(
  scenario: Scenario,
  options: RunOptions = {},
): Promise<DeterminismCheck & { readonly result: RunResult }> {
  const log = new EventLog();
  const result = await runObserved(scenario, options, log.add);
  const comparison = new EventComparison(log);
  const { onPartial: _first, ...again } = options;
  const second = await runObserved(scenario, again, comparison.add);
  const firstDifference = comparison.difference();
  const same = firstDifference === undefined && result.digest === second.digest;
  return { same, digest: result.digest ?? '', result, ...(firstDifference !== undefined && { firstDifference }) };
}
