import { bugColumns } from './columns.js';
import type { BugCase, BugColumn } from './types.js';

/** Columns by their distance, later ones first. */
function neighbours(column: BugColumn): BugColumn[] {
  const at = bugColumns.indexOf(column);
  const distance = (other: number): number => Math.abs(other - at) - Number(other > at) / 2;
  return bugColumns
    .map((other, index) => ({ other, index }))
    .filter(({ other }) => other !== column)
    .sort((a, b) => distance(a.index) - distance(b.index))
    .map(({ other }) => other);
}

/**
 * The kernel in which the schedules that show a bug must not show it: the one that the case names; the column's own, if the case
 * has another; else that of the nearest column in which all cases of the bug are clean. Undefined if there is none.
 */
export function kernelWithout(column: BugColumn, bug: string, { curedBy, kernel }: BugCase): string | undefined {
  if (curedBy !== undefined) return curedBy;
  if (kernel !== undefined && kernel !== column.kernel) return column.kernel;
  const clean = neighbours(column).find(({ cases }) => {
    const own = cases[bug] ?? [];
    return own.length > 0 && own.every(({ expect }) => expect === 'clean');
  });
  return clean?.kernel;
}
