import { compareResults, type RunResult, renderCompare, renderRun, toJson } from '@kmemlab/results';
import type { Executed } from './execute.js';
import { textOptions } from './terminal.js';
import { type CliContext, ExitStatus } from './types.js';

/** Failed before violation, violation before incomplete, incomplete before ok. */
function statusOf(results: readonly RunResult[]): ExitStatus {
  const has = (outcome: RunResult['outcome']) => results.some((result) => result.outcome === outcome);
  if (has('failed')) return ExitStatus.failed;
  if (has('violation') || results.some((result) => result.verdicts.length > 0)) return ExitStatus.verdict;
  return has('incomplete') ? ExitStatus.interrupted : ExitStatus.ok;
}

/** Prints what was run: a document or text on stdout, failures and the run directory on stderr. */
export function report(context: CliContext, { results, directory }: Executed, json: boolean): ExitStatus {
  const only = results.length === 1 ? results[0] : undefined;
  if (json) {
    context.stdout.write(toJson(only ?? compareResults(results)));
  } else {
    const options = textOptions(context);
    context.stdout.write(only ? renderRun(only, options) : renderCompare(compareResults(results), options));
  }
  const failed = results.find((result) => result.outcome === 'failed') ?? results.find((result) => result.failure);
  if (failed?.failure) {
    const { kind, detail } = failed.failure;
    const verb = failed.outcome === 'failed' ? 'the run failed' : 'the run is incomplete';
    context.stderr.write(`kmemlab: ${verb} (${kind}): ${detail.replace(/\s+/g, ' ')}\n`);
  }
  if (directory !== undefined) context.stderr.write(`run directory: ${directory}\n`);
  return statusOf(results);
}
