import { groupByKernel } from '../kernel-runs.js';
import type { Finding, RunResult } from '../schema.js';
import { formatCount } from '../text/format.js';
import { valueText } from '../text/header.js';

/** `100`, or `99 to 103` where runs differ. */
function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? formatCount(least) : `${formatCount(least)} to ${formatCount(most)}`;
}

function pinsOf(findings: readonly Finding[]): string {
  const names = [...new Set(findings.flatMap(({ pinnedBy }) => Object.keys(pinnedBy)))];
  const pins = names.map((name) => {
    const values = findings.map(({ pinnedBy }) => pinnedBy[name] ?? 0);
    return values.every((value) => typeof value === 'number')
      ? `${range(values)} ${name}`
      : `${name} ${valueText(values[0] ?? null)}`;
  });
  return pins.join(', ') || (findings[0]?.detail ?? '');
}

/** What is still held at the end, and by what: a row for each kernel and class, ranges over its seeds. */
export function findingRows(results: readonly RunResult[]): string[][] {
  return groupByKernel(results).flatMap(({ kernel, runs }) => {
    const classes = [...new Set(runs.flatMap(({ findings }) => findings.map((finding) => finding.class)))];
    return classes.map((kind) => {
      const held = runs.map(({ findings }) => findings.find((finding) => finding.class === kind));
      const counts = range(held.map((finding) => finding?.count ?? 0));
      return [kernel, kind, counts, pinsOf(held.filter((finding) => finding !== undefined))];
    });
  });
}
