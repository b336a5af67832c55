import type { Patch, PatchOption } from '../build.js';
import { countReferencesOf, destroyCounted } from '../mm/memcontrol/counted-destruction.js';
import { getPinnedCache, pinCache, putPinnedCache, tryPinCache, unpinCache } from '../mm/memcontrol/pinned-caches.js';
import { flushCreationsBeforeDestruction } from './reparent-2014.js';

/** What a dead cache keeps; an option of the patches that wait for its last reference. */
export const retentionOption = (standard: 'on' | 'off') =>
  ({
    kind: 'choice',
    values: ['on', 'off'],
    default: standard,
    summary: 'whether a dead cache keeps empty slabs and free objects as any other',
  }) as const satisfies PatchOption;

/** The review says what must hold, not how: this is its first form, a reference for every operation that may release pages. */
export const pinUntilRelease: Patch = {
  name: 'pin-until-release',
  summary:
    'pages hold their cache, and so does whoever may release some, to the last touch; the last reference destroys it',
  mail: 'Johannes Weiner, linux-mm, April 2014: reply to "do not schedule cache destruction when last page goes away"',
  appliesTo: ['v3.14'],
  decides: 'when a cache of a removed memcg is destroyed',
  options: {
    retention: retentionOption('on'),
    flush: {
      kind: 'choice',
      values: ['off', 'on'],
      default: 'off',
      summary: 'whether creations that are under way are waited for before a memcg goes offline',
    },
  },
  apply: ({ policies }, _api, { retention, flush }) => {
    const childCaches = countReferencesOf(policies);
    childCaches.pins = { get: pinCache, tryGet: tryPinCache, put: unpinCache };
    childCaches.destroyWork = destroyCounted({ retention: retention === 'on', waits: null });
    policies.memcg.getCache = getPinnedCache;
    policies.memcg.putCache = putPinnedCache;
    if (flush === 'on') flushCreationsBeforeDestruction(policies, childCaches);
  },
};
