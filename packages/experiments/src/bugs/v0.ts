import type { BugCases } from './types.js';

export const casesV0: BugCases = {
  'never-kick': [
    {
      expect: 'found',
      kernel: 'v3.14+swap-without-waiting',
      experiment: 'tune-slabinfo',
      nodes: 1,
      cpusPerNode: 2,
      verdict: 'SLAB-4',
    },
  ],
};
