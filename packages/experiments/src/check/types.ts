import type { Verdict } from '@kmemlab/machine';
import type { Stall } from '@kmemlab/machine-sim';
import type { IdlePatch, SearchStrategy } from '@kmemlab/results';
import type { Scenario } from '../api.js';

/** What to search, and how. */
export interface SearchPlan {
  readonly scenario: Scenario;
  readonly strategy: SearchStrategy;
  /** Schedules to try at most. */
  readonly schedules: number;
  /** Stalls in a schedule: exactly for `pct`, at most for `exhaustive`. */
  readonly depth: number;
  /** Also end the search at a rule that was broken without harm; otherwise go on for the harm. */
  readonly anyVerdict: boolean;
  /** Rule or class of the verdicts that count; all if absent. */
  readonly only?: string;
  /** Labels of the preemption points at which somebody is late, see `pctStalls`; all if absent. */
  readonly windows?: readonly string[];
  /** The first phase in which somebody may be late; any if absent. */
  readonly from?: string;
}

/** A schedule that ended with a verdict. */
export interface Counterexample {
  /** Number of the schedule within the search. */
  readonly index: number;
  readonly stalls: readonly Stall[];
  readonly verdict: Verdict;
  /** A rule was broken, but nothing came of it in this schedule. */
  readonly harmless: boolean;
}

/** Some schedules of a search, tried one after the other. */
export interface Tried {
  /** Schedules tried; less than asked for if one ended the search. */
  readonly schedules: number;
  /** Events of all of them. */
  readonly steps: number;
  /** Events of the longest. */
  readonly longest: number;
  /** The first verdict with harm (or any, see `SearchPlan.anyVerdict`), and the first without. */
  readonly found: Counterexample | undefined;
  readonly harmless: Counterexample | undefined;
  /** The first verdict that does not count, and how many schedules ended with one. */
  readonly other: Counterexample | undefined;
  readonly others: number;
  /** Rules and classes of these. */
  readonly otherVerdicts: ReadonlySet<string>;
  /** Preemption points passed, of those that count. */
  readonly points: number;
  /** Patches of the user's that have made no difference on this thread yet. */
  readonly idlePatches: readonly IdlePatch[];
  readonly failure: { readonly index: number; readonly detail: string } | undefined;
  /** Sketches of the states gone through and of the orders of steps tried. */
  readonly states: Uint8Array;
  readonly orders: Uint8Array;
  /** For `exhaustive`: what follows from each of these schedules by one stall more. */
  readonly expansions: readonly Expansion[];
}

/** What follows from a schedule of an exhaustive search: the same with one stall more. */
export interface Expansion {
  /** The schedule's order of steps and where its last stall is: of schedules that agree in both, one needs to be followed. */
  readonly behind: string;
  /** Which schedule of its part. */
  readonly of: number;
  /** The stalls, each of which makes a schedule. */
  readonly more: readonly Stall[];
}
