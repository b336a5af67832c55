import { type RunRequest, resolveScenario, runScenario } from '@kmemlab/experiments';
import { type Counters, callCount, type RunResult } from '@kmemlab/results';

/** Run one request to its end on the deterministic machine, as the command does. */
export async function run(request: RunRequest): Promise<RunResult> {
  return runScenario(await resolveScenario({ engine: 'sim', ...request }));
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const kicks = (counters: Counters): number => callCount(counters, 'kick_all_cpus_sync');

/** IPIs that each CPU sent, in all-CPU calls: every call sends one to each other CPU. */
export function allCpuCallsSentBy(counters: Counters, cpus: number): number[] {
  return counters.ipi.sentBy.map((sent) => (cpus === 1 ? 0 : sent / (cpus - 1)));
}
