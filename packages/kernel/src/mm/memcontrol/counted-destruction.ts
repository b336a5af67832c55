import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Policies } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { keepNothing } from '../slab-common/keep-nothing.js';
import type { ChildCaches } from './child-caches.js';
import { countReferences, dropAllCaches, dropOfMemcg, holdByPages, releaseByPages } from './child-references.js';
import { destroyCache } from './destroy-cache.js';
import { shrinkChild } from './destroy-work.js';

/** What a destroy work does where references tell when a cache can go. */
export interface CountedDestruction {
  /** A dead cache keeps empty slabs and free objects as any other. */
  readonly retention: boolean;
  /** Between the last reference and the destruction: until every free that was under way has ended; null to go on at once. */
  readonly waits: ((cpu: Cpu) => Coroutine<void>) | null;
}

/**
 * The destroy work. With references left it is the one that offline has queued: it has the cache keep nothing any more,
 * shrinks it and drops the memcg's reference. Whoever drops the last one, this or another, has the cache destroyed, once.
 */
export function destroyCounted({ retention, waits }: CountedDestruction) {
  return function* dropAndDestroy(cpu: Cpu, cache: Handle): Coroutine<void> {
    if ((yield* request(homeOf(cache), countReferences, { cache, by: 0, defect: 'V0-c' }, cache)) !== 0) {
      if (!retention) yield* call(keepNothing, cpu, cache);
      yield* call(shrinkChild, cpu, cache);
      if ((yield* request(homeOf(cache), dropOfMemcg, { cache }, cache)) !== 0) return;
    }
    if (waits !== null) yield* call(waits, cpu);
    yield* call(destroyCache, cpu, cache, 'V0-c');
  };
}

/** References of the memcg and of its pages take the place of the page count and the dead mark. */
export function countReferencesOf({ memcg }: Policies): ChildCaches {
  const { childCaches } = memcg;
  if (childCaches === null) throw new Error('the patch needs caches with destroy works');
  childCaches.counts = 'references';
  childCaches.bindPages = holdByPages;
  childCaches.releasePages = releaseByPages;
  childCaches.offline = dropAllCaches;
  return childCaches;
}
