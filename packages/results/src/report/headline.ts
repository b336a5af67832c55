import { groupByKernel, hasEnded, type KernelRuns } from '../kernel-runs.js';
import { meaningOf, troublesOf } from '../meaning.js';
import { repeated } from '../quantities.js';
import { callCount, type RunResult } from '../schema.js';
import { counted, formatRate } from '../text/format.js';

/** What one run shows, in a sentence made of its counts. */
function headlineOfRun(result: RunResult): string {
  const { kernel, counters, verdicts, failure, outcome } = result;
  if (outcome === 'failed' || outcome === 'incomplete') {
    return `The run of ${result.experiment} on ${kernel} did not finish${failure === undefined ? '' : `: ${failure.kind}`}.`;
  }
  const [verdict] = verdicts;
  if (verdict !== undefined) return `${kernel} breaks a rule: ${verdict.class} (${verdict.id}).`;
  const steps = repeated(result);
  const kicks = callCount(counters, 'kick_all_cpus_sync');
  const work = [
    counters.caches.created > 0 && `created ${counted(counters.caches.created, 'cache')}`,
    kicks > 0 && `kicked all CPUs ${counted(kicks, 'time')}`,
    counters.memcg.freed > 0 && `freed ${counted(counters.memcg.freed, 'memcg')}`,
    counters.calls.rcu_barrier.executed > 0 && `ran ${counted(counters.calls.rcu_barrier.executed, 'rcu_barrier')}`,
  ].filter((part) => part !== false);
  const per = steps === undefined ? '' : `, ${formatRate(counters.ipi.sent / steps.count)} per ${steps.unit}`;
  const did = [...work, `sent ${counted(counters.ipi.sent, 'IPI')}${per}`];
  const dying =
    counters.memcg.dying > 0 ? ` ${counted(counters.memcg.dying, 'removed memcg')} could not be freed yet.` : '';
  return `In ${result.experiment}, ${kernel} ${did.length > 1 ? `${did.slice(0, -1).join(', ')} and ${did.at(-1)}` : did[0]}.${dying}`;
}

/** What several seeds show: what went wrong in any, then what the first did that ended. */
function headlinesOfSeeds(group: KernelRuns): string[] {
  const ended = group.runs.find((run) => hasEnded(run) && run.verdicts.length === 0);
  return [...troublesOf(group).map((trouble) => `${trouble}.`), ...(ended === undefined ? [] : [headlineOfRun(ended)])];
}

/** What the runs show: a sentence for one kernel, and one for each further kernel against the first. */
export function headlines(results: readonly RunResult[]): string[] {
  const [base, ...others] = groupByKernel(results);
  if (base === undefined) return ['Nothing was run.'];
  if (others.length === 0)
    return base.runs.length === 1 ? [headlineOfRun(base.runs[0] as RunResult)] : headlinesOfSeeds(base);
  return others.map((other) => meaningOf(base, other));
}
