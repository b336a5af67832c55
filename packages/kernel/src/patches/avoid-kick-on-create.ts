import type { Patch } from '../build.js';
import { kickOnReplace, kicksOnReplace } from '../mm/slab/kick-on-replace.js';

export const avoidKickOnCreate: Patch = {
  name: 'avoid-kick-on-create',
  summary: 'kick all CPUs only if the cache had per-CPU arrays before',
  why: 'The kick waits until no CPU uses the arrays of the cache any more that have just been replaced. A new cache has had none before, so nobody can be using them, and there is nothing to wait for',
  mail: 'Greg Thelen, posted to linux-mm in 2017: "slab: avoid IPIs when creating kmem caches"; in 4.12',
  appliesTo: ['v4.10'],
  apply: (kernel) => {
    kernel.policies.slab.afterPublish = kickOnReplace;
    kernel.policies.slab.kicksPerPublish = kicksOnReplace;
  },
};
