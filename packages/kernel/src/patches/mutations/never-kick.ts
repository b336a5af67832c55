import type { Patch } from '../../build.js';
import { from410 } from './applicable.js';

export const neverKick: Patch = {
  name: 'never-kick',
  summary: 'free replaced per-CPU arrays without kicking the CPUs that may still use them',
  mutation: true,
  breaks: 'SLAB-4',
  // 3.14 does not kick: swap-without-waiting.
  appliesTo: from410,
  apply: (kernel) => {
    kernel.policies.slab.afterPublish = function* withoutKick() {};
  },
};
