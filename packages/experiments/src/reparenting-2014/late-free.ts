import { type Program, sys } from '@kmemlab/kernel';
import { enterHierarchy, makeCgroup } from '../hierarchy.js';
import { shrinkChildren } from '../slab-sysfs.js';
import { pinned, workIn } from '../work-in.js';

/*
 * Slabs of a removed memcg's cache become empty at a chosen moment. With SLUB a node keeps a number of empty slabs, so as many as that
 * and one more are partly free: the first object that is freed gives a slab back, on one CPU; the others are freed on another,
 * where the works of the memcg run, and their slabs stay until a shrink takes them.
 */

const CACHE = 'lab_late';
/** Two objects to a slab, with the free pointer behind each; bytes. */
const SIZE = 16_376;
const IN_SLAB = 2;
const DIRECTORY = 'memcg';
/** Lots of objects. */
const SPARE = 1;
const FIRST = 2;
const REST = 3;
/** The second CPU begins so much later, ns. */
const LATER = 100e3;

export interface LateFree {
  /** Slabs that are partly free when the memcg goes. */
  readonly slabs: number;
  readonly rcuTyped: boolean;
  /** After the last free the cache is shrunk through sysfs. */
  readonly shrinks: boolean;
  /** From rmdir to the first free, ns. */
  readonly freeAfter: number;
  readonly observe: number;
  /** CPUs: that of the memcg's works, and that which frees the first object. */
  readonly manager: number;
  readonly freer: number;
}

function* worker({ slabs }: LateFree): Program<void> {
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  for (let n = 0; n < slabs * IN_SLAB; n++) {
    const lot = n === 0 ? FIRST : REST;
    yield* sys.keepObject(CACHE, n % IN_SLAB === 0 ? lot : SPARE);
  }
  yield* sys.reclaim(SPARE);
}

/** A memcg with a cache whose slabs are all partly free; no CPU holds one of them. */
export function* prepareLateFree(scope: LateFree): Program<void> {
  yield* sys.initModule(CACHE, SIZE, scope.rcuTyped ? 'ar' : 'ac');
  yield* enterHierarchy();
  yield* makeCgroup(DIRECTORY);
  yield* workIn(DIRECTORY, 'worker', scope.manager, () => worker(scope));
  yield* shrinkChildren(CACHE);
}

/** The memcg goes; a while later the first object, and then the others. */
export function* lateFree({ freeAfter, observe, freer, shrinks }: LateFree): Program<void> {
  yield* sys.rmdir(DIRECTORY);
  yield* sys.fork({ name: 'free', program: () => freeLate(freeAfter), placement: pinned(freer) });
  yield* sys.nanosleep(freeAfter + LATER);
  yield* sys.reclaim(REST);
  if (shrinks) yield* shrinkChildren(CACHE);
  yield* sys.wait();
  yield* sys.nanosleep(observe);
}

function* freeLate(after: number): Program<void> {
  yield* sys.nanosleep(after);
  yield* sys.reclaim(FIRST);
}
