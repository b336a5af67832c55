import type { RunRequest } from '@kmemlab/experiments';
import { executeJobs } from './execute.js';
import type { MachineFlags } from './flags.js';
import { placeOptions } from './place-options.js';
import { planJobs } from './plan.js';
import { report } from './report.js';
import type { CliContext, ExitStatus } from './types.js';

/** Runs what was asked for, one kernel after the other, and prints what came of it. Throws usage errors and the engine's input errors. */
export async function runRequests(
  context: CliContext,
  experiment: string,
  requests: readonly RunRequest[],
  flags: MachineFlags,
): Promise<ExitStatus> {
  const engine = await context.loadEngine();
  const jobs = await planJobs(engine, requests, flags.seeds ?? 1);
  const place = placeOptions(flags, jobs);
  const { out, checkDeterminism, json } = flags;
  return report(context, await executeJobs(context, engine, jobs, { out, experiment, checkDeterminism, place }), json);
}
