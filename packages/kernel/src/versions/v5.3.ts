import { caches52 } from '../boot/caches-5.2.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { mergedCountedCaches } from '../mm/memcontrol/counted-caches.js';
import { v52 } from './v5.2.js';

/**
 * 5.3: as 5.2, but pages hold their cache, and caches their memcg; a dying memcg hands its caches to its parent, and each cache
 * is shut down when nothing holds it any more.
 */
const policies = (config: KernelConfig): Policies => mergedCountedCaches(v52.policies(config));

export const v53: KernelVersion = {
  name: 'v5.3',
  source: '5.3.1',
  summary:
    'pages hold their cache by a percpu_ref; the caches of a dying memcg go to its parent, so no memcg waits for objects',
  caches: caches52,
  hasSlubMemcgSysfs: true,
  policies,
};
