import type { Patch } from '../build.js';
import {
  addDangling,
  forgetDangling,
  reapOnPressure,
  shrinkThenDestroy,
  unbindPages,
} from '../mm/memcontrol/dangling-caches.js';
import { chargeExplicitly, type UnchargeOrder } from '../mm/memcontrol/explicit-charge.js';
import type { PressureLevel } from '../mm/vmpressure.js';
import { uncharge } from './explicit-slab-charging.js';

const SECOND = 1e9;

/**
 * The release of a page does nothing but count; the destroy work, queued at offline only, shrinks the cache first, and destroys it
 * if it is empty then. The tree of the patch had explicit slab charges. Its v3, in 3.16, does the work's part at offline, without
 * a work item.
 */
export const noDestroyOnLastPage: Patch = {
  name: 'no-destroy-on-last-page',
  summary: 'a dead cache is shrunk and destroyed at offline, or left to a reaper, not when its last page goes',
  mail: 'Vladimir Davydov, linux-mm, April 2014: "memcg, slab: do not schedule cache destruction when last page goes away", 1 of 4',
  appliesTo: ['v3.14'],
  decides: 'when a cache of a removed memcg is destroyed',
  options: {
    reaper: {
      kind: 'choice',
      values: ['none', 'periodic', 'vmpressure'],
      default: 'none',
      summary: 'what reaps the dead caches that are left: nothing, a work every period, or memory pressure',
    },
    period: {
      kind: 'integer',
      min: 1,
      max: 3600,
      default: 60,
      summary: 'seconds between two passes of the periodic reaper',
    },
    level: {
      kind: 'choice',
      values: ['low', 'medium', 'critical'],
      default: 'medium',
      summary: 'pressure at which the reaper acts',
    },
    uncharge,
  },
  apply: ({ policies }, _api, { reaper, period, level, uncharge: order }) => {
    chargeExplicitly(policies, order as UnchargeOrder);
    const { childCaches } = policies.memcg;
    if (childCaches === null) throw new Error('no-destroy-on-last-page needs caches with destroy works');
    childCaches.releasePages = unbindPages;
    childCaches.destroyWork = shrinkThenDestroy;
    if (reaper === 'none') return;
    const pause = reaper === 'periodic' ? Number(period) * SECOND : 0;
    childCaches.reaper = { period: pause, take: addDangling, forget: forgetDangling };
    if (reaper === 'vmpressure') policies.reclaim.onPressure = reapOnPressure(level as PressureLevel);
  },
};
