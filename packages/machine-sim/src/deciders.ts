import type { RandomStream } from '@kmemlab/machine';
import { BEGINNING, type Decider, type Place, type Stall } from './strategy.js';

/** The shortest stall, ns, and how many orders of magnitude there are, each twice the last: up to 52 ms, several grace periods. */
const SHORTEST = 100;
const MAGNITUDES = 19;

/** Number of a step or point that no schedule comes to. */
const NEVER = Number.POSITIVE_INFINITY;

/** Mean numbers of steps between two stalls; each random schedule draws one. */
const SPACINGS = [8, 32, 128, 512];

/** A length of stall, ns: every order of magnitude is as likely. */
function lengthOf(random: RandomStream): number {
  const least = SHORTEST * 2 ** random.below(MAGNITUDES);
  return least + random.below(least);
}

/** Exactly these stalls, which are in the order of their steps. */
export function replay(stalls: readonly Stall[]): Decider {
  let at = 0;
  const decide: Decider = ({ step }) => {
    const stall = stalls[at];
    if (stall === undefined || stall.step !== step) return 0;
    at++;
    return stall.ns;
  };
  return Object.assign(decide, { earliest: { step: stalls[0]?.step ?? NEVER, point: NEVER } });
}

/** Any step may be late; how often is drawn once for the schedule. */
export function randomStalls(random: RandomStream): Decider {
  const spacing = SPACINGS[random.below(SPACINGS.length)] as number;
  return () => (random.below(spacing) === 0 ? lengthOf(random) : 0);
}

/** How long a schedule without stalls is: its events, and the labelled preemption points passed in it. */
export interface Extent {
  readonly steps: number;
  readonly points: number;
  /** Nobody is late before this event and this point; the first if absent. */
  readonly from?: Place;
}

/**
 * After PCT (Burckhardt et al. 2010): a bug of depth d needs d moments at which the right CPU is late, so d of them are
 * drawn from the whole schedule, and nothing else is disturbed. Half of them, where there are labelled preemption points,
 * are drawn among those.
 */
export function pctStalls(random: RandomStream, depth: number, { steps, points, from }: Extent): Decider {
  const { step: firstStep, point: firstPoint } = from ?? BEGINNING;
  const lateAtStep = new Map<number, number>();
  const lateAtPoint = new Map<number, number>();
  for (let n = 0; n < depth; n++) {
    if (points > firstPoint && random.below(2) === 0) {
      lateAtPoint.set(firstPoint + random.below(points - firstPoint), lengthOf(random));
    } else lateAtStep.set(firstStep + random.below(steps - firstStep), lengthOf(random));
  }
  const decide: Decider = ({ step, points: passed, atPoint }) =>
    (atPoint ? take(lateAtPoint, passed) : 0) || take(lateAtStep, step);
  return Object.assign(decide, { earliest: { step: leastOf(lateAtStep), point: leastOf(lateAtPoint) } });
}

const leastOf = (late: ReadonlyMap<number, number>): number => Math.min(NEVER, ...late.keys());

/** A CPU that was late at a point is still there when it goes on. */
function take(late: Map<number, number>, key: number): number {
  if (late.size === 0) return 0;
  const ns = late.get(key);
  if (ns === undefined) return 0;
  late.delete(key);
  return ns;
}
