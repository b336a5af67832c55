import { availableParallelism, freemem } from 'node:os';
import type { RunRequest } from '@kmemlab/experiments';
import { executeJobs } from './execute.js';
import type { MachineFlags } from './flags.js';
import { placeOptions } from './place-options.js';
import { type Job, planJobs } from './plan.js';
import { report } from './report.js';
import type { CliContext, ExitStatus } from './types.js';
import { UsageError } from './usage-error.js';

/** Memory that one run of the deterministic machine takes, bytes; more if it makes tens of thousands of memcgs. */
const RUN_MEMORY = 512 * 2 ** 20;

/** As many as there are cores and memory for. */
function sideBySide(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(availableParallelism(), Math.floor(Math.min(freemem(), limit) / RUN_MEMORY)));
}

/**
 * Runs at the same time: the live machine has the computer for itself, the deterministic one a core.
 * Throws {@link UsageError} if `asked` is for the other one.
 */
function runsAtOnce(jobs: readonly Job[], asked: number | undefined): number {
  if (jobs.every(({ scenario }) => scenario.engine === 'sim')) return asked ?? sideBySide();
  if (asked !== undefined) {
    throw new UsageError('--jobs: the live machine runs one after the other; give --engine sim or leave --jobs out');
  }
  return 1;
}

/** Runs what was asked for, and prints what came of it. Throws usage errors and the engine's input errors. */
export async function runRequests(
  context: CliContext,
  experiment: string,
  requests: readonly RunRequest[],
  flags: MachineFlags,
): Promise<ExitStatus> {
  const engine = await context.loadEngine();
  const jobs = await planJobs(engine, requests, flags.seeds ?? 1);
  const place = placeOptions(flags, jobs);
  const atOnce = runsAtOnce(jobs, flags.jobs);
  const { out, checkDeterminism, json } = flags;
  const options = { out, experiment, checkDeterminism, atOnce, place };
  return report(context, await executeJobs(context, engine, jobs, options), json);
}
