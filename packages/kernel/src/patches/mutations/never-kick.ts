import type { Patch } from '../../build.js';

export const neverKick: Patch = {
  name: 'never-kick',
  summary: 'free replaced per-CPU arrays without kicking the CPUs that may still use them',
  mutation: true,
  breaks: 'SLAB-4',
  apply: (kernel) => {
    kernel.policies.slab.afterPublish = function* withoutKick() {};
  },
};
