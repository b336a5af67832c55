import type { Patch } from '../build.js';
import { countReferencesOf, destroyCounted } from '../mm/memcontrol/counted-destruction.js';
import { keepForObject, testLastObject } from '../mm/memcontrol/object-references.js';
import { getPinnedCache } from '../mm/memcontrol/pinned-caches.js';

export const destroyOnLastObject: Patch = {
  name: 'destroy-on-last-object',
  summary: 'objects hold their cache: every free of an accounted object tests whether it was the last',
  mail: 'Vladimir Davydov, linux-mm, April 2014: what "do not schedule cache destruction when last page goes away" rejects as too dear',
  appliesTo: ['v3.14'],
  decides: 'when a cache of a removed memcg is destroyed',
  apply: ({ policies }) => {
    const childCaches = countReferencesOf(policies);
    childCaches.bindPages = function* uncounted() {};
    childCaches.releasePages = function* uncounted() {};
    childCaches.destroyWork = destroyCounted({ retention: true, waits: null });
    policies.memcg.getCache = getPinnedCache;
    policies.memcg.putCache = keepForObject;
    policies.memcg.afterFree = testLastObject;
  },
};
