import type { Failure, JsonValue, Outcome } from './schema.js';

/** How a cell of the matrix reads: found, found under a condition only, not found. */
export type BugMark = 'found' | 'conditional' | 'clean';

/** One search, or one run, that decided about a bug in a kernel. */
export interface BugCaseResult {
  readonly expect: 'found' | 'clean';
  /** What the answer depends on, where another case of the cell has another answer. */
  readonly condition?: string;
  readonly experiment: string;
  readonly kernel: string;
  readonly config: readonly string[];
  readonly machine: { readonly nodes: number; readonly cpusPerNode: number };
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly costs: Readonly<Record<string, number>>;
  /** What was looked for: the rule or class of a verdict, or a finding by its class, its cause and its phase. */
  readonly wanted: string;
  /** Preemption points at which schedules were late; all if absent. */
  readonly windows?: readonly string[];
  /** The first phase in which somebody was late; any if absent. */
  readonly from?: string;
  readonly found: boolean;
  /** Schedules tried, up to the one that shows the bug; 1 for a run without stalls. */
  readonly schedules: number;
  /** Schedules that ended with another verdict, and the first of these. */
  readonly others: number;
  readonly other?: string;
  /** Times that one of the preemption points was passed. */
  readonly points: number;
  /** Events of all schedules. */
  readonly steps: number;
  /** Digest of the schedule without stalls: as long as it is the same, so is the kernel model. */
  readonly digest: string;
  /** Name of the replay file beside this document. */
  readonly replay?: string;
  readonly failure?: Failure;
  readonly hostNs: number;
}

/** A bug in a kernel. */
export interface BugCell {
  readonly bug: string;
  readonly variant: string;
  readonly kernel: string;
  readonly expected: BugMark;
  /** Absent if a case failed. */
  readonly mark?: BugMark;
  readonly asExpected: boolean;
  readonly cases: readonly BugCaseResult[];
}

/** `kmemlab matrix --json` (`kmemlab.bug-matrix/1`). Cells that nobody asked for or that were not reached are absent. */
export interface BugMatrixResult {
  readonly schema: 'kmemlab.bug-matrix/1';
  readonly strategy: 'pct';
  readonly depth: number;
  readonly seed: number;
  /** Schedules that each search is given at most. */
  readonly asked: number;
  readonly bugs: readonly { readonly id: string; readonly title: string; readonly kind: 'verdict' | 'finding' }[];
  readonly columns: readonly { readonly variant: string; readonly kernel: string }[];
  readonly cells: readonly BugCell[];
  /** Cells that were to be decided. */
  readonly wanted: number;
  readonly outcome: Outcome;
  readonly elapsed: { readonly hostNs: number };
}
