import { bugColumns } from './columns.js';
import type { BugCase, BugClass } from './types.js';

/** Rule or class of the verdicts that are this bug. */
export const wantedVerdict = (bug: BugClass, { verdict }: BugCase): string => verdict ?? bug.verdict ?? bug.id;

/** The verdicts that show a bug where it is to be found, without repetition. */
export function verdictsOfBug(bug: BugClass): string[] {
  const cases = bugColumns.flatMap((column) => column.cases[bug.id] ?? []);
  const found = cases.filter(({ expect, finding }) => expect === 'found' && finding === undefined);
  return [...new Set(found.map((one) => wantedVerdict(bug, one)))];
}
