import type { Patch } from '../../build.js';
import { directoryIfEnabled } from '../../mm/slub/policies.js';

export const optionalMemcgSysfs: Patch = {
  name: 'optional-memcg-sysfs',
  summary: 'SLUB: memcg caches have no directories in sysfs unless slub_memcg_sysfs is given',
  mail: 'Tejun Heo, posted to linux-mm in 2017, beside the series: "slub: make sysfs directories for memcg sub-caches optional"; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies, config }) => {
    policies.slub.directoryOf = directoryIfEnabled(config);
  },
};
