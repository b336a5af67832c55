import type { Patch } from '../../build.js';
import { queueSysfsRemoval } from '../../mm/slub/sysfs.js';

export const earlySysfsRemoval: Patch = {
  name: 'early-sysfs-removal',
  summary: 'SLUB: a work item removes the directory of a cache, for a dying memcg’s cache as soon as it is found empty',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slab: remove slub sysfs interface files early for empty memcg caches", 9 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    policies.slub.directoryGoes = 'work';
    policies.slub.whenDeactivatedEmpty = queueSysfsRemoval;
  },
};
