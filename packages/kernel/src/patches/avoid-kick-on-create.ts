import type { Patch } from '../build.js';
import { kickOnReplace, kicksOnReplace } from '../mm/slab/kick-on-replace.js';

export const avoidKickOnCreate: Patch = {
  name: 'avoid-kick-on-create',
  summary: 'kick all CPUs only if the cache had per-CPU arrays before',
  mail: 'Greg Thelen, posted to linux-mm in 2017: "slab: avoid IPIs when creating kmem caches"; in 4.12',
  appliesTo: ['v4.10'],
  apply: (kernel) => {
    kernel.policies.slab.afterPublish = kickOnReplace;
    kernel.policies.slab.kicksPerPublish = kicksOnReplace;
  },
};
