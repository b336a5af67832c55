import { type Census, type Program, sys } from '@kmemlab/kernel';

const MS = 1e6;
const SECOND = 1e9;
/** Between two looks, ns. */
const STEP = 100 * MS;

/**
 * Look round until nothing has changed for so many seconds of machine time: no memcg freed, no cache made, taken out of its slot
 * or gone. With SLUB each cache costs its memcg's offline a grace period (4.10), so many offlines take seconds in which no memcg is freed.
 * @param beside somebody else makes and removes memcgs without caches all the time: only what happens to caches tells
 */
export function* untilSteady(seconds: number, beside = false): Program<Census> {
  let last = yield* sys.census();
  for (let same = 0; same < seconds * SECOND; ) {
    yield* sys.nanosleep(STEP);
    const now = yield* sys.census();
    const changed =
      (!beside && now.dying !== last.dying) || now.caches !== last.caches || now.slotStores !== last.slotStores;
    same = changed ? 0 : same + STEP;
    last = now;
  }
  return last;
}
