import { spelled } from '@kmemlab/kernel';
import type { Verdict as MachineVerdict } from '@kmemlab/machine';
import {
  callCount,
  type JsonValue,
  type PhaseCounters,
  PhaseDurations,
  type RunResult,
  type Verdict,
} from '@kmemlab/results';
import { chargeFindings } from './lab/charge-findings.js';
import { findingsOf, memoryOf } from './lab/findings.js';
import { liveDetails } from './lab/live-details.js';
import type { PhaseRecord } from './lab/phase-record.js';
import { countersBetween, type Reading } from './lab/reading.js';
import { statisticsDrift } from './lab/statistics-drift.js';
import type { Experiment } from './lab/types.js';
import type { Run } from './run.js';
import { machineShape } from './scenario/machine-shape.js';
import { idlePatches } from './scenario/patch-use.js';
import { findExperiment } from './scenario/resolve.js';

function phaseCounters({ from, to }: PhaseRecord, isolcpus: readonly number[]): PhaseCounters {
  return { ...countersBetween(from, to, isolcpus), elapsedModelNs: to.modelNs - from.modelNs };
}

/** The measured window as far as it has got: readings at its ends, and what was timed in it. */
interface Window {
  readonly from: Reading;
  readonly to: Reading;
  readonly durations: PhaseDurations;
}

/** The phases of the measured window that have been run; if not all have, the phase in which the run is comes last. */
function windowOf({ observed }: Run, experiment: Experiment): Window {
  const phases = observed.phases.filter((phase) => experiment.window.includes(phase.name));
  const durations = new PhaseDurations();
  for (const phase of phases) durations.merge(phase.durations);
  const end = phases[phases.length - 1]?.to;
  if (end !== undefined && phases.length === experiment.window.length) {
    return { from: phases[0]?.from ?? end, to: end, durations };
  }
  durations.merge(observed.durations());
  const now = observed.reading();
  const last = observed.phases[observed.phases.length - 1];
  return { from: phases[0]?.from ?? last?.to ?? now, to: now, durations };
}

function verdictOf(verdict: MachineVerdict): Verdict {
  return { ...verdict, steps: verdict.steps.map((step) => ({ ...step })) };
}

function settingsOf({ scenario, kernel }: Run): Record<string, JsonValue> {
  return {
    ...(scenario.engine === 'sim' && { strategy: scenario.strategy }),
    ...(Object.keys(scenario.costs).length > 0 && { costs: scenario.costs }),
    ...(kernel.users.length > 0 && {
      patchFiles: kernel.users.map(({ patch, hash }) => ({ name: patch.name, sha256: hash })),
    }),
  };
}

/** Without the one that the kernel's name says: kernels differ in it, and the experiment does not. */
function ownParams(params: RunResult['params'], { picksKernel }: Experiment): RunResult['params'] {
  return Object.fromEntries(Object.entries(params).filter(([name]) => name !== picksKernel?.param));
}

/**
 * The result document of a run as far as it has got. A run that ended inside the measured window counts what happened
 * in it until then.
 */
export function buildResult(run: Run): RunResult {
  const { scenario, kernel, observed } = run;
  const { isolcpus } = scenario;
  const experiment = findExperiment(scenario.experiment);
  const window = windowOf(run, experiment);
  const counters = countersBetween(window.from, window.to, isolcpus);
  const inventories = observed.inventories();
  const { slowest } = window.durations;
  const durations = window.durations.summary(observed.clock);
  const now = observed.reading();
  const timeline = run.timeline.timeline(observed.phases, now);
  const idle = idlePatches(kernel.uses);
  const rootCache = observed.phases.find((phase) => phase.name === experiment.rootCachePhase);
  return {
    schema: 'kmemlab.result/1',
    experiment: scenario.experiment,
    kernel: scenario.kernel,
    patches: kernel.build.patches.map(spelled),
    config: scenario.config,
    engine: scenario.engine,
    seed: scenario.seed,
    machine: machineShape(scenario),
    params: ownParams(scenario.params, experiment),
    settings: settingsOf(run),
    ...(idle.length > 0 && { idlePatches: idle }),
    outcome: run.outcome,
    ...(run.failure !== undefined && { failure: run.failure }),
    ...(observed.digest !== undefined && { digest: observed.digest() }),
    verdicts: observed.verdicts.map(verdictOf),
    findings: [
      ...findingsOf(inventories, callCount(counters, 'unaccounted_allocations')),
      ...chargeFindings(counters, now.sums, inventories),
      // Where objects count by bytes, no slab belongs to a memcg, and OBJ-5 is there instead.
      ...(kernel.build.policies.reclaim.slabUnit === 'pages' ? statisticsDrift(inventories) : []),
    ],
    ...(run.findings.script !== undefined && { script: run.findings.script }),
    ...(run.findings.series !== undefined && { series: run.findings.series }),
    ...(run.findings.reparented !== undefined && { reparented: run.findings.reparented }),
    ...(run.findings.emptied !== undefined && { emptied: run.findings.emptied }),
    ...(run.findings.find !== undefined && { find: run.findings.find }),
    counters,
    phases: Object.fromEntries(observed.phases.map((phase) => [phase.name, phaseCounters(phase, isolcpus)])),
    ...(timeline !== undefined && { timeline }),
    durations,
    ...(slowest !== undefined && { slowestKick: slowest }),
    ...(rootCache !== undefined && { rootCache: rootCacheCost(rootCache) }),
    memory: memoryOf(inventories, scenario.nodes * scenario.cpusPerNode),
    elapsed: { modelNs: observed.reading().modelNs, hostNs: Math.round((performance.now() - run.started) * 1e6) },
    ...(observed.live !== undefined && {
      live: liveDetails(scenario, observed.live, window, durations),
    }),
  };
}

function rootCacheCost(phase: PhaseRecord): { kicks: number; ipis: number } {
  const counters = countersBetween(phase.from, phase.to);
  return { kicks: callCount(counters, 'kick_all_cpus_sync'), ipis: counters.ipi.sent };
}
