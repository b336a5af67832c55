import type { Invariant } from '../types.js';

/** What is followed of every allocator's objects, slabs and caches, by the rule that it breaks. */
export interface LifeRules {
  /** An object is handed out while it is in use, freed while it is not, or in a page that is no slab. */
  readonly onePlace: Invariant;
  /** A slab is given up with objects in use. */
  readonly counts: Invariant;
  /** A cache is used after its release. */
  readonly afterRelease: Invariant;
  /** A cache is shut down or released with slabs left. */
  readonly emptyAtShutdown: Invariant;
}
