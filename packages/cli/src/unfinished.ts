import type { Scenario } from '@kmemlab/experiments';
import { emptyCounters, type Failure, type RunResult } from '@kmemlab/results';

const outcomeOf = ({ kind }: Failure): RunResult['outcome'] => (kind === 'interrupted' ? 'incomplete' : 'failed');

/** The result of a run that did not start: nothing counted, and why. */
export function notStarted(scenario: Scenario, failure: Failure): RunResult {
  return {
    schema: 'kmemlab.result/1',
    experiment: scenario.experiment,
    kernel: scenario.kernel,
    patches: scenario.kernel.split('+').slice(1),
    config: scenario.config,
    engine: scenario.engine,
    seed: scenario.seed,
    machine: {
      nodes: scenario.nodes,
      cpusPerNode: scenario.cpusPerNode,
      ...(scenario.isolcpus.length > 0 && { isolcpus: scenario.isolcpus }),
    },
    params: scenario.params,
    ...(scenario.engine === 'sim' && { settings: { strategy: scenario.strategy } }),
    outcome: outcomeOf(failure),
    failure,
    verdicts: [],
    findings: [],
    counters: emptyCounters(scenario.nodes * scenario.cpusPerNode),
    phases: {},
    durations: {},
    elapsed: { modelNs: 0, hostNs: 0 },
  };
}

/** What is known of a run that ended before its end, or failed for a reason outside the experiment. */
export function endedBy(result: RunResult, failure: Failure): RunResult {
  return { ...result, outcome: outcomeOf(failure), failure };
}
