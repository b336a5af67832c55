import { lifecycleDefects as defects, laterThan314, mutationCases, zombieCases } from './lifecycle-cases.js';
import { stockDrained } from './stock-cases.js';
import type { BugCases } from './types.js';

/** The rework of 2019 as merged in 5.3. */
export const casesV5m: BugCases = {
  ...laterThan314,
  ...zombieCases('generations'),
  ...mutationCases('v5.3'),
  'V3-d': stockDrained,
  'V0-f': [defects.rootDestroyed('found')],
  'V5p-a': [defects.readLock('clean')],
  'V5p-b': [defects.deniedItem('found')],
  'V5p-c': [defects.selfDeadlock('clean')],
  'V5p-d': [defects.writeAfterFree('clean')],
  'V4-d': [defects.dyingRoot('found')],
};
