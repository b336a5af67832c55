import type { BugColumn } from './types.js';
import { casesV0 } from './v0.js';
import { casesV1 } from './v1.js';
import { casesV1Gp, casesV1Ref } from './v1-prime.js';
import { casesV2 } from './v2.js';
import { casesV3 } from './v3.js';
import { casesV52, casesV412 } from './v4.js';
import { casesV5m } from './v5m.js';
import { casesV5p } from './v5p.js';
import { casesV6 } from './v6.js';

/** The columns of the bug matrix, oldest kernel first. */
export const bugColumns: readonly BugColumn[] = [
  { variant: 'V0', kernel: 'v3.14', cases: casesV0 },
  { variant: 'V1', kernel: 'v3.14+no-destroy-on-last-page', cases: casesV1 },
  { variant: 'V1’-ref', kernel: 'v3.14+pin-until-release', cases: casesV1Ref },
  { variant: 'V1’-gp', kernel: 'v3.14+destroy-after-grace-period', cases: casesV1Gp },
  { variant: 'V2', kernel: 'v3.14+reparent-2014', cases: casesV2 },
  { variant: 'V3', kernel: 'v4.10', cases: casesV3 },
  { variant: 'V4', kernel: 'v4.12', cases: casesV412 },
  { variant: 'V4', kernel: 'v5.2', cases: casesV52 },
  { variant: 'V5p', kernel: 'v5.2+percpu-ref-lifecycle-v4', cases: casesV5p },
  { variant: 'V5m', kernel: 'v5.3', cases: casesV5m },
  { variant: 'V6', kernel: 'v5.9', cases: casesV6 },
];
