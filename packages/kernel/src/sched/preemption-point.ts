import { type Coroutine, call, type Handle, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';

declare const declared: unique symbol;

/** The label of a narrow window: what the code there has just done, and where. */
export type PointLabel = string & { readonly [declared]: true };

const labels = new Set<string>();

/** Declare a narrow window. @throws Error if another one has the label */
export function definePoint(label: string): PointLabel {
  if (labels.has(label)) throw new Error(`preemption point ${label} is declared twice`);
  labels.add(label);
  return label as PointLabel;
}

/** Labels of all preemption points, in the order of the alphabet. */
export const pointLabels = (): readonly string[] => [...labels].sort();

/**
 * Stretch one narrow window on one CPU, to see what falls into it: the CPU stays at the labelled point, in whatever
 * interrupt state the code there has, until what it looked at has changed, and then until that is gone or somebody waits
 * for this CPU.
 */
export interface Stretch {
  readonly label: string;
  /** −1 for every CPU. */
  readonly cpu: number;
  /** Only where the code works on this root cache. */
  readonly cache: string;
  /** At most so long for a change. */
  readonly maxNs: number;
  /** At most so long after the change. */
  readonly tailNs: number;
  /** So long after the change and a call-function interrupt, which this CPU cannot take now: a kernel that waits, waits. */
  readonly holdNs: number;
  /** Stretches still to come; a stretch in which nothing changed is not counted. */
  times: number;
  /**
   * After such a one, the time on this CPU from which on it may stay again: whoever is to change what it looked at may wait for
   * a grace period, for which the rest of a batch of callbacks has to pass.
   */
  notBefore?: number;
}

/** What the code at a labelled point has just read, as the CPU sees it from there. */
export interface Watched {
  /** It is out of date. */
  readonly changed: () => boolean;
  /** It has been freed. */
  readonly gone: () => boolean;
}

const POLL_NS = 5000;
/** How long a CPU hurries after a stretch in which nothing changed, as a part of that. */
const HURRY = 1 / 20;
/** What passing a point takes where schedules are searched, so that passing it is a step of its own. */
const POINT_NS = 1000;

/** A labelled narrow window. Cheap when nothing is stretched or searched: callers ask `cpu.instrumented` first. */
export function* preemptionPoint(cpu: Cpu, label: PointLabel, cache: Handle, watched: Watched): Coroutine<void> {
  const stretch = cpu.stretches?.find(
    (s) =>
      s.times > 0 &&
      (s.cpu === cpu.id || s.cpu < 0) &&
      s.label === label &&
      cpu.published.roots.get(s.cache) === cache &&
      cpu.now() >= (s.notBefore ?? 0),
  );
  if (stretch === undefined) {
    if (cpu.pointsAreSteps) yield* call(pass, cpu, label);
    return;
  }
  yield* call(stay, stretch.maxNs, watched.changed);
  if (!watched.changed()) {
    stretch.notBefore = cpu.now() + stretch.maxNs * HURRY;
    return;
  }
  stretch.times--;
  yield* call(stay, stretch.tailNs, () => watched.gone() || cpu.callFunctionPending > 0);
  if (!watched.gone()) yield* call(stay, stretch.holdNs, watched.gone);
}

function* pass(cpu: Cpu, label: string): Coroutine<void> {
  cpu.atPoint = label;
  yield* work(POINT_NS);
  cpu.atPoint = null;
}

/** The CPU is busy until something holds, at most `ns`. */
function* stay(ns: number, until: () => boolean): Coroutine<void> {
  for (let spent = 0; spent < ns && !until(); spent += POLL_NS) yield* work(POLL_NS);
}
