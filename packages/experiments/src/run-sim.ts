import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';
import { type DeterminismCheck, Recorder, type RunResult } from '@kmemlab/results';
import { InputError, type RunOptions, type Scenario } from './api.js';
import { checkerFor, restOf } from './lab/checked.js';
import { EventComparison, EventLog } from './lab/event-log.js';
import { SimLab } from './lab/sim-lab.js';
import { observeSim, readSums } from './lab/sim-observed.js';
import { SimPhases } from './lab/sim-phases.js';
import { TIMELINE_SUMS } from './lab/timeline.js';
import { buildResult } from './result.js';
import { endWith, newRun, type Run } from './run.js';
import { kernelOf } from './scenario/kernel-of.js';
import { findExperiment } from './scenario/resolve.js';

type EventListener = SimMachine['onEvent'];

/** Events from one moment that the timeline may keep to the next. */
const MOMENT_EVENTS = 200;

/** Calls `sample` every so many events. */
function sampling(sample: () => void): () => void {
  let events = 0;
  return () => {
    if (++events % MOMENT_EVENTS === 0) sample();
  };
}

/** Run a scenario on the deterministic machine. `onEvent` hears every event. */
export async function runSim(
  scenario: Scenario,
  options: RunOptions,
  onEvent: EventListener = null,
): Promise<RunResult> {
  const experiment = findExperiment(scenario.experiment);
  const kernel = await kernelOf(scenario);
  const { build, uses } = kernel;
  for (const use of uses) use.watch(build);
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
  const sample = sampling(() => run.timeline.offer(() => readSums(machine, TIMELINE_SUMS)));
  machine.onEvent = (time, kind, actor, detail) => {
    sample();
    onEvent?.(time, kind, actor, detail);
  };
  const phases = new SimPhases(machine, recorder);
  const lab = new SimLab(machine, topology, {
    onProgress: (progress) => options.onProgress?.(progress),
    onPhase: (name) => {
      phases.end(name);
      options.onPartial?.(buildResult({ ...run, outcome: 'incomplete' }));
    },
    interrupted: () => options.signal?.aborted ?? false,
    hostMs: () => performance.now(),
    breathe: () => turnOfEventLoop(),
    audit: (stuck) => checker.audit(stuck ? 'stuck' : restOf(machine)),
    conclude: () => checker.conclude(),
  });
  const run: Run = newRun(scenario, kernel, observeSim(machine, phases.records, recorder), performance.now());
  try {
    await lab.boot();
    run.findings = await experiment.run(lab, scenario.params);
    await lab.drain();
  } catch (error) {
    endWith(run, error);
  }
  return buildResult(run);
}

/**
 * Run a scenario twice and compare every event.
 * @throws InputError for the live machine, whose runs differ by nature
 */
export async function checkDeterminism(
  scenario: Scenario,
  options: RunOptions = {},
): Promise<DeterminismCheck & { readonly result: RunResult }> {
  if (scenario.engine === 'live')
    throw new InputError('--check-determinism: runs of the live machine differ by nature; use --engine sim');
  const log = new EventLog();
  const result = await runSim(scenario, options, log.add);
  const comparison = new EventComparison(log);
  const { onPartial: _first, ...again } = options;
  const second = await runSim(scenario, again, comparison.add);
  if (second.outcome === 'incomplete') {
    const { outcome, failure } = second;
    return { same: true, digest: result.digest ?? '', result: { ...result, outcome, ...(failure && { failure }) } };
  }
  const firstDifference = comparison.difference();
  const same = firstDifference === undefined && result.digest === second.digest;
  return { same, digest: result.digest ?? '', result, ...(firstDifference !== undefined && { firstDifference }) };
}
