import type { Verdict as MachineVerdict } from '@kmemlab/machine';
import {
  callCount,
  type JsonValue,
  type PhaseCounters,
  type RunResult,
  type SlowestKick,
  type Verdict,
} from '@kmemlab/results';
import { findingsOf, memoryOf } from './lab/findings.js';
import { countersBetween, readCounters } from './lab/reading.js';
import { PhaseDurations } from './lab/recorder.js';
import type { PhaseRecord } from './lab/sim-lab.js';
import type { Experiment } from './lab/types.js';
import type { Run } from './run.js';
import { findExperiment } from './scenario/resolve.js';

function phaseCounters({ from, to }: PhaseRecord): PhaseCounters {
  return { ...countersBetween(from, to), elapsedModelNs: to.modelNs - from.modelNs };
}

/** The phases of the measured window that have been run; if none has, the phase in which the run ended. */
function windowOf(run: Run, experiment: Experiment): { phases: PhaseRecord[]; unfinished: boolean } {
  const phases = run.phases.filter((phase) => experiment.window.includes(phase.name));
  return { phases, unfinished: phases.length < experiment.window.length };
}

function verdictOf(verdict: MachineVerdict): Verdict {
  return { ...verdict, steps: verdict.steps.map((step) => ({ ...step })) };
}

function settingsOf(run: Run): Record<string, JsonValue> {
  const { scenario, users } = run;
  return {
    strategy: scenario.strategy,
    ...(Object.keys(scenario.costs).length > 0 && { costs: scenario.costs }),
    ...(users.length > 0 && {
      patchFiles: users.map(({ patch, hash }) => ({ name: patch.name, sha256: hash })),
    }),
  };
}

/**
 * The result document of a run as far as it has got. A run that ended inside the measured window counts what happened
 * in it until then.
 */
export function buildResult(run: Run): RunResult {
  const { scenario, machine, build, phases } = run;
  const experiment = findExperiment(scenario.experiment);
  const window = windowOf(run, experiment);
  const last = phases[phases.length - 1];
  const durations = new PhaseDurations();
  for (const phase of window.phases) durations.merge(phase.durations);
  const now = readCounters(machine);
  const start = window.phases[0]?.from ?? last?.to;
  const end = window.unfinished ? now : (window.phases[window.phases.length - 1]?.to ?? now);
  if (window.unfinished) durations.merge(run.recorder.current);
  const counters = countersBetween(start ?? now, end);
  const unaccounted = callCount(counters, 'unaccounted_allocations');
  const rootCache = phases.find((phase) => phase.name === experiment.rootCachePhase);
  return {
    schema: 'kmemlab.result/1',
    experiment: scenario.experiment,
    kernel: scenario.kernel,
    patches: build.patches.map((patch) => patch.name),
    config: scenario.config,
    engine: 'sim',
    seed: scenario.seed,
    machine: { nodes: scenario.nodes, cpusPerNode: scenario.cpusPerNode },
    params: scenario.params,
    settings: settingsOf(run),
    outcome: run.outcome,
    ...(run.failure !== undefined && { failure: run.failure }),
    digest: machine.digest.toString(),
    verdicts: machine.verdicts.map(verdictOf),
    findings: findingsOf(machine, unaccounted),
    ...(run.findings.script !== undefined && { script: run.findings.script }),
    counters,
    phases: Object.fromEntries(phases.map((phase) => [phase.name, phaseCounters(phase)])),
    durations: durations.summary('model'),
    ...(durations.slowest !== undefined && { slowestKick: durations.slowest satisfies SlowestKick }),
    ...(rootCache !== undefined && { rootCache: rootCacheCost(rootCache) }),
    memory: memoryOf(machine),
    elapsed: { modelNs: machine.modelTime, hostNs: Math.round((performance.now() - run.started) * 1e6) },
  };
}

function rootCacheCost(phase: PhaseRecord): { kicks: number; ipis: number } {
  const counters = countersBetween(phase.from, phase.to);
  return { kicks: callCount(counters, 'kick_all_cpus_sync'), ipis: counters.ipi.sent };
}
