import type { Interleaving } from '../check.js';
import type { RunResult, Verdict } from '../schema.js';

/** One picture of a report. */
export interface NamedChart {
  /** Name of its file without extension, and its anchor in the page. */
  readonly name: string;
  readonly title: string;
  /** How to read it, in a sentence or two. */
  readonly caption: string;
  readonly svg: string;
}

/** A schedule that a search has found, with the verdict that it ends in. */
export interface FoundSchedule {
  readonly kernel: string;
  readonly experiment: string;
  readonly verdict: Pick<Verdict, 'class' | 'id'> | null;
  readonly interleaving: Interleaving;
}

/** A version or a patch. */
export interface KernelAbout {
  readonly name: string;
  readonly summary: string;
  /** Why a patch is right. */
  readonly why?: string;
  /** Which kernel or mail it models. */
  readonly source?: string;
}

/** What a reader has to know who has seen neither the experiment nor the kernels before. */
export interface ReportAbout {
  /** What the experiment does and asks. */
  readonly experiment?: string;
  /** Versions and patches that ran, each with what it is, why it is so, and where it comes from. */
  readonly kernels: readonly KernelAbout[];
}

/** What a report is about: runs of one experiment, schedules, or both. */
export interface ReportSubject {
  readonly results: readonly RunResult[];
  readonly schedules: readonly FoundSchedule[];
  readonly about?: ReportAbout;
}
