import { Topology } from '@kmemlab/machine';
import { PhaseDurations, type RunResult } from '@kmemlab/results';
import { InputError, type RunOptions, type Scenario } from './api.js';
import type { Cluster } from './lab/cluster.js';
import { LiveLab } from './lab/live-lab.js';
import type { NodePlan } from './lab/node-plan.js';
import type { Observed } from './lab/observed.js';
import { emptyReading } from './lab/reading.js';
import { RunEnded } from './lab/run-ended.js';
import { buildResult } from './result.js';
import { endWith, newRun, type Run } from './run.js';
import { type BuiltKernel, kernelOf } from './scenario/kernel-of.js';
import { findExperiment } from './scenario/resolve.js';

/** Host time within which a node answers what needs no machine time, ms. A node that is gone is noticed long before. */
const CALL_MS = 30_000;

/** A machine that never came to be. */
const nothing = (topology: Topology): Observed => ({
  clock: 'host',
  phases: [],
  verdicts: [],
  reading: () => emptyReading(topology.cpuCount),
  durations: () => new PhaseDurations(),
  inventories: () => [],
});

async function start(scenario: Scenario, { place = {}, signal, startCluster }: RunOptions): Promise<Cluster> {
  if (startCluster === undefined) throw new InputError('--engine live: nothing here can start nodes; use --engine sim');
  const plan: NodePlan = { scenario };
  const { nodes, cpusPerNode } = scenario;
  try {
    return await startCluster({ nodes, cpusPerNode, plan, ...place, ...(signal !== undefined && { signal }) });
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (signal?.aborted) throw new RunEnded('interrupted', 'interrupted before all nodes were up');
    const { kind, detail } = error as { kind?: unknown; detail?: unknown };
    const message = error instanceof Error ? error.message : String(error);
    throw new RunEnded(
      'failed',
      typeof detail === 'string' ? detail : message,
      typeof kind === 'string' ? kind : 'internal',
    );
  }
}

/**
 * Run a scenario on the live machine: node processes, started and ended here.
 * @throws InputError if a patch file does not load, or the place cannot run the scenario
 */
export async function runLive(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const kernel = await kernelOf(scenario);
  const topology = new Topology(scenario.nodes, scenario.cpusPerNode);
  const started = performance.now();
  let cluster: Cluster;
  try {
    cluster = await start(scenario, options);
  } catch (error) {
    const run = newRun(scenario, kernel, nothing(topology), started);
    endWith(run, error);
    return buildResult(run);
  }
  options.onBroker?.(`${cluster.place.broker.server} (${cluster.place.broker.kind})`);
  try {
    return await runOn(cluster, scenario, options, kernel, started);
  } finally {
    await cluster.stop();
  }
}

async function runOn(
  cluster: Cluster,
  scenario: Scenario,
  options: RunOptions,
  kernel: BuiltKernel,
  started: number,
): Promise<RunResult> {
  const lab = new LiveLab({
    cluster,
    topology: new Topology(scenario.nodes, scenario.cpusPerNode),
    isolcpus: scenario.isolcpus,
    timeScale: scenario.timeScale,
    deadlineMs: CALL_MS,
    onProgress: (progress) => options.onProgress?.(progress),
    onFigures: () => {
      run.timeline.offer(() => lab.observed.reading());
      options.onPartial?.(buildResult({ ...run, outcome: 'incomplete' }));
    },
    signal: options.signal,
  });
  const run: Run = newRun(scenario, kernel, lab.observed, started);
  try {
    await lab.boot();
    run.findings = await findExperiment(scenario.experiment).run(lab, scenario.params);
    await lab.drain();
  } catch (error) {
    endWith(run, error);
  }
  if (run.outcome === 'ok' || run.outcome === 'violation') await lab.lastLook();
  else lab.close();
  return buildResult(run);
}
