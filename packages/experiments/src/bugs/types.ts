import type { ParamValues } from '../params.js';

/** A row of the bug matrix. */
export interface BugClass {
  /** As in the verdicts that show it, e.g. `V0-b`; a name in words where there is no such id. */
  readonly id: string;
  readonly title: string;
  /** A finding says that something is still held, by right or by mistake; a verdict that a rule was broken. */
  readonly kind: 'verdict' | 'finding';
}

/** A search, or for a finding a run, that decides about a bug in a kernel. */
export interface BugCase {
  /** `found`: the search must find the bug. `clean`: it must not. */
  readonly expect: 'found' | 'clean';
  /** What the answer depends on, in words, where another case of the same cell has another answer. */
  readonly condition?: string;
  /** The kernel, if it is not the column's own. */
  readonly kernel?: string;
  readonly config?: string;
  readonly experiment: string;
  readonly nodes: number;
  readonly cpusPerNode: number;
  readonly params?: ParamValues;
  readonly costs?: Readonly<Record<string, number>>;
  /** The rule or class of verdicts that are this bug; the row's id if absent. Verdicts of others do not count. */
  readonly verdict?: string;
  /** Findings that are this bug: their class, and what pins them if that matters. */
  readonly finding?: { readonly class: string; readonly pinnedBy?: string };
  /** Labels of the preemption points that are this bug's windows: schedules are late there. All points if absent. */
  readonly windows?: readonly string[];
}

/** The cases of a column, by row. A row that is not here does not concern this kernel. */
export type BugCases = Readonly<Record<string, readonly BugCase[]>>;

/** A column of the bug matrix: a kernel, and what is to be expected of it. */
export interface BugColumn {
  /** Name in the literature of this project, e.g. `V1`. */
  readonly variant: string;
  readonly kernel: string;
  readonly cases: BugCases;
}
