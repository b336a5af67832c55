import { lifecycleDefects as defects, laterThan314, mutationCases, zombieCases } from './lifecycle-cases.js';
import { stockDrainedInPosted } from './stock-cases.js';
import type { BugCases } from './types.js';

/** The rework of 2019 as posted. Most cases run with SLUB: with SLAB each shutdown ends in V5p-d. */
export const casesV5p: BugCases = {
  ...laterThan314,
  ...zombieCases(),
  ...mutationCases('v5.2+percpu-ref-lifecycle-v4'),
  'V3-d': stockDrainedInPosted,
  'V0-f': [defects.rootDestroyed('found')],
  'V5p-a': [defects.readLock('found')],
  'V5p-b': [defects.deniedItem('found')],
  'V5p-c': [defects.selfDeadlock('found')],
  'V5p-d': [defects.writeAfterFree('found')],
  'V4-d': [defects.dyingRoot('found')],
};
