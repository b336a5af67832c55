import type { VerdictClass } from '@kmemlab/machine';
import type { BugMark } from '@kmemlab/results';
import type { ParamValues } from '../params.js';

/** A row of the bug matrix. */
export interface BugClass {
  /** As in the verdicts that show it, e.g. `V0-b`; a name in words where there is no such id. */
  readonly id: string;
  readonly title: string;
  /** A finding says that something is still held, by right or by mistake; a verdict that a rule was broken. */
  readonly kind: 'verdict' | 'finding';
  /** The rule that it breaks, where verdicts are named by that; the row's id if absent. */
  readonly verdict?: string;
  /** What the source of each column's kernel says of it, in their order; null where nothing is to be said. */
  readonly expected: readonly (BugMark | null)[];
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
  /** Class of these verdicts, for kernels without the code that gives them their id. */
  readonly elsewhere?: VerdictClass;
  /** One run without stalls decides: whether it has this finding. A search for the verdict if absent. */
  readonly finding?: WantedFinding;
  /** Labels of the preemption points that are this bug's windows: schedules are late there. All points if absent. */
  readonly windows?: readonly string[];
  /** The first phase in which somebody may be late: what leads up to the bug's window is left alone. Any if absent. */
  readonly from?: string;
  /**
   * A kernel without the bug, for what is found: the same schedules must not show it there. If absent, the column's own kernel
   * if the case has another, else that of the nearest column in which all cases of the bug are clean.
   */
  readonly curedBy?: string;
}

/** Findings that are a bug: their class, what pins them if that matters, and the phase at whose end they count, if not the last. */
export interface WantedFinding {
  readonly class: string;
  readonly pinnedBy?: string;
  readonly phase?: string;
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
