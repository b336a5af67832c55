import { groupByKernel, type KernelRuns, type Spread, spreadOf } from './kernel-runs.js';
import { meaningOf } from './meaning.js';
import { type Quantity, quantitiesOf } from './quantities.js';
import type { Clock, RunResult } from './schema.js';

export interface ComparedQuantity {
  readonly key: string;
  readonly label: string;
  readonly unit: 'count' | 'ns';
  readonly clock?: Clock;
  /** One entry per kernel, in the order of `kernels`; null if no run of that kernel has a value. */
  readonly values: readonly (Spread | null)[];
}

/** The document `kmemlab.compare/1`. The first kernel is the one the others are compared with. */
export interface CompareResult {
  readonly schema: 'kmemlab.compare/1';
  /** Every run: for each kernel, its seeds. */
  readonly results: readonly RunResult[];
  readonly kernels: readonly string[];
  readonly quantities: readonly ComparedQuantity[];
  /** One sentence per further kernel, derived from the numbers only. Empty with one kernel. */
  readonly meaning: readonly string[];
}

function compareQuantity(groups: readonly KernelRuns[], quantity: Quantity): ComparedQuantity {
  const spreads = groups.map(({ runs }) => spreadOf(runs, quantity));
  const base = spreads[0]?.mean ?? 0;
  return {
    key: quantity.key,
    label: quantity.label,
    unit: quantity.unit,
    ...(quantity.clock && { clock: quantity.clock }),
    values: spreads.map((spread) => (spread ? { ...spread, ...(base !== 0 && { ratio: spread.mean / base }) } : null)),
  };
}

/** Compares runs of one experiment on one machine, of several kernels, several seeds, or both. */
export function compareResults(results: readonly RunResult[]): CompareResult {
  const groups = groupByKernel(results);
  const [base, ...others] = groups;
  return {
    schema: 'kmemlab.compare/1',
    results,
    kernels: groups.map(({ kernel }) => kernel),
    quantities: quantitiesOf(results).map((quantity) => compareQuantity(groups, quantity)),
    meaning: base ? others.map((other) => meaningOf(base, other)) : [],
  };
}
