import type { Patch } from '../build.js';

/** To see what a kernel owes to cache_reap. */
export const noCacheReap: Patch = {
  name: 'no-cache-reap',
  summary:
    'SLAB: cache_reap never runs, so free objects and slabs stay where they are until somebody shrinks the cache',
  apply: ({ functions }) => {
    functions.replaceFunction('work', 'cache_reap', () => function* neverReap() {});
  },
};
