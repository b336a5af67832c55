import type { Quantity } from './quantities.js';
import type { RunResult } from './schema.js';
import { mean } from './welch.js';

/** One quantity of one kernel over its seeds. */
export interface Spread {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Number of runs that count and have a value. */
  readonly runs: number;
  /** Mean divided by the first kernel's mean; absent where that is 0 or has no value. */
  readonly ratio?: number;
}

/** Runs of one kernel, in the order given. */
export interface KernelRuns {
  readonly kernel: string;
  readonly runs: readonly RunResult[];
}

/** The first run of a kernel; a group has at least one. */
export const firstOf = ({ runs }: KernelRuns): RunResult => runs[0] as RunResult;

/** Mean of a value over runs, with the range where they differ; undefined if none has it. */
export function valueOver(
  runs: readonly RunResult[],
  of: (result: RunResult) => number | undefined,
): { readonly y: number; readonly low: number; readonly high: number } | undefined {
  const spread = spreadOf(runs, { of });
  return spread && { y: spread.mean, low: spread.min, high: spread.max };
}

/** Groups results by kernel, in order of first appearance. */
export function groupByKernel(results: readonly RunResult[]): KernelRuns[] {
  const groups = new Map<string, RunResult[]>();
  for (const result of results) {
    const runs = groups.get(result.kernel);
    if (runs) runs.push(result);
    else groups.set(result.kernel, [result]);
  }
  return [...groups].map(([kernel, runs]) => ({ kernel, runs }));
}

/** Whether a run came to its end, if only to a verdict: the counts of any other say nothing beside those of a whole one. */
export const hasEnded = ({ outcome }: RunResult): boolean => outcome === 'ok' || outcome === 'violation';

/** Whether it came as far as the end of its boot. */
const hasBegun = ({ phases }: RunResult): boolean => Object.keys(phases).length > 0;

/** Mean and range of one quantity over one kernel's runs; of unfinished ones only if there are no others. Undefined if none has a value. */
export function spreadOf(runs: readonly RunResult[], quantity: Pick<Quantity, 'of'>): Spread | undefined {
  const ended = runs.filter(hasEnded);
  const values = (ended.length > 0 ? ended : runs.filter(hasBegun))
    .map(quantity.of)
    .filter((value) => value !== undefined);
  if (values.length === 0) return undefined;
  return { mean: mean(values), min: Math.min(...values), max: Math.max(...values), runs: values.length };
}
