import type { RunRequest, Scenario } from '@kmemlab/experiments';
import { pathComponent } from '@kmemlab/results';
import { RANGES } from './flags.js';
import type { Engine } from './types.js';
import { UsageError } from './usage-error.js';

/** One run to do. `directory` is relative to the run directory, empty for the run directory itself. */
export interface Job {
  readonly scenario: Scenario;
  readonly directory: string;
}

/**
 * Resolves every kernel and seed before anything runs or is written. Throws the engine's input errors, and
 * {@link UsageError} if seeds leave their range or two kernels turn out to be the same.
 */
export async function planJobs(engine: Engine, requests: readonly RunRequest[], seeds: number): Promise<Job[]> {
  const jobs: Job[] = [];
  const kernels = new Map<string, string>();
  for (const request of requests) {
    const first = await engine.resolveScenario(request);
    if (kernels.has(first.kernel)) {
      throw new UsageError(
        `--kernel ${request.kernel}: ${first.kernel} is compared already; use --seeds N for several runs of one kernel`,
      );
    }
    const component = pathComponent(first.kernel);
    const taken = [...kernels.values()].includes(component);
    kernels.set(first.kernel, taken ? `${component}.${kernels.size + 1}` : component);
    const last = first.seed + seeds - 1;
    if (last > RANGES.seed[1]) {
      throw new UsageError(`--seeds ${seeds}: seed ${last} is out of range; give a last seed up to ${RANGES.seed[1]}`);
    }
    for (let seed = first.seed; seed <= last; seed++) {
      const scenario = seed === first.seed ? first : await engine.resolveScenario({ ...request, seed });
      const parts = [
        ...(requests.length > 1 ? [kernels.get(first.kernel) as string] : []),
        ...(seeds > 1 ? [`seed-${seed}`] : []),
      ];
      jobs.push({ scenario, directory: parts.join('/') });
    }
  }
  return jobs;
}
