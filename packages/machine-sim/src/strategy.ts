import type { RandomStream } from '@kmemlab/machine';
import type { EventQueue } from './event-queue.js';
import type { SimEvent } from './events.js';

/** Decides which pending event happens next. Events of one channel always happen in the order of their arrival times. */
export interface Strategy {
  next(queue: EventQueue<SimEvent>): { time: number; payload: SimEvent } | undefined;
}

/** The cost model's order: for measurement. */
export const timeOrder: Strategy = { next: (queue) => queue.pop() };

/** How far ahead of the first event one may be chosen, ns; one of these is drawn for each step. */
const WINDOWS = [0, 200, 2_000, 20_000, 400_000];
const MOST_CANDIDATES = 12;

/** A random order among events that lie close together, within a window whose width is drawn anew at every step. */
export class RandomOrder implements Strategy {
  constructor(private readonly random: RandomStream) {}

  next(queue: EventQueue<SimEvent>): { time: number; payload: SimEvent } | undefined {
    const window = WINDOWS[this.random.below(WINDOWS.length)] as number;
    const limit = queue.nextTime + window;
    const taken: NonNullable<ReturnType<typeof queue.pop>>[] = [];
    while (taken.length < MOST_CANDIDATES && queue.nextTime <= limit) {
      const event = queue.pop();
      if (event === undefined) break;
      taken.push(event);
    }
    if (taken.length === 0) return undefined;
    const channels = new Set<number>();
    const candidates = taken.filter(({ payload }) => {
      const first = !channels.has(payload.channel);
      channels.add(payload.channel);
      return first;
    });
    const chosen = candidates[this.random.below(candidates.length)] as (typeof taken)[number];
    for (const event of taken) if (event !== chosen) queue.restore(event);
    return chosen;
  }
}
