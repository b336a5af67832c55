import {
  callbackDuringDestroyWork,
  creationAfterOffline,
  freedLater,
  lastPageBeforeDestroyWork,
  liveObjects,
  movedWhileAsleep,
  rcuTypedUnloaded,
  rcuTypedUnused,
  reapedLater,
  SHRINK_WINDOWS,
  shrinkAfterClose,
  shrinkBetweenNodes,
  shrinkDuringDestroyWork,
  shrinkFreesLastSlab,
  shrinksDuringGracePeriod,
  sleepingAllocation,
  unloadedDuringCreation,
  unloadedDuringDestroyWork,
} from './emptying.js';
import { idsUsedAgain, stackStays } from './reparenting.js';
import type { BugCase, BugCases } from './types.js';

const REF = 'v3.14+pin-until-release';
const GP = 'v3.14+destroy-after-grace-period';

/** What both forms have in common: the retained slab decides whether the event comes that they wait for. */
const retained = (kept: string, dropped: string): readonly BugCase[] => [
  {
    ...freedLater,
    expect: 'found',
    condition: 'a dead cache keeps empty slabs',
    kernel: kept,
    finding: { class: 'dead-cache', pinnedBy: 'retainedSlab' },
    curedBy: dropped,
  },
  {
    ...freedLater,
    expect: 'clean',
    condition: 'a dead cache keeps nothing',
    kernel: dropped,
    finding: { class: 'dead-cache' },
  },
];

const common: BugCases = {
  'sysfs-clash': [{ ...idsUsedAgain, expect: 'clean' }],
  'V0-b': [{ ...lastPageBeforeDestroyWork, expect: 'clean' }],
  'V0-c': [{ ...shrinkDuringDestroyWork, expect: 'clean' }],
  'V0-g': [{ ...unloadedDuringCreation, expect: 'found', curedBy: 'v3.14+reparent-2014' }],
  'zombie-pages': [{ ...stackStays, expect: 'found', curedBy: 'v3.14+reparent-2014' }],
  'V3-d': [{ ...liveObjects, expect: 'clean', finding: { class: 'zombie-memcg', pinnedBy: 'stock' } }],
  'V0-f': [{ ...unloadedDuringDestroyWork, expect: 'found' }],
  'no-reaper': [{ ...reapedLater, expect: 'clean' }],
  'V1-a': [{ ...rcuTypedUnused, expect: 'clean' }],
  'V2-b': [{ ...lastPageBeforeDestroyWork, expect: 'clean' }],
  'zombie-objects': [{ ...liveObjects, expect: 'found', curedBy: 'v5.3' }],
  'zombie-negative-dentry': [
    {
      ...liveObjects,
      expect: 'clean',
      finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry', phase: 'generations' },
    },
  ],
};

const neverKick = (kernel: string): readonly BugCase[] => [
  {
    expect: 'found',
    kernel: `${kernel}+swap-without-waiting`,
    experiment: 'tune-slabinfo',
    nodes: 1,
    cpusPerNode: 2,
    verdict: 'SLAB-4',
  },
];

/** Without the barrier of a destruction: of a memcg's cache, and of a root. */
const withoutBarrier = (kernel: string): BugCases => ({
  'no-barrier-at-teardown': [
    {
      ...callbackDuringDestroyWork,
      expect: 'clean',
      kernel: `${kernel}+no-barrier-before-destroy`,
      verdict: 'use-after-free',
    },
  ],
  'no-barrier-at-root-destruction': [
    {
      ...rcuTypedUnloaded,
      expect: 'found',
      kernel: `${kernel}+no-barrier-at-root-destruction`,
      verdict: 'SLAB-6',
      curedBy: kernel,
    },
  ],
});

export const casesV1Ref: BugCases = {
  ...common,
  'V0-e': [
    {
      ...creationAfterOffline,
      expect: 'clean',
      condition: 'creations are waited for at offline',
      kernel: `${REF}:flush=on`,
    },
    {
      ...creationAfterOffline,
      expect: 'found',
      condition: 'creations are not waited for at offline',
      curedBy: `${REF}:flush=on`,
    },
  ],
  'V0-d': [{ ...shrinkBetweenNodes, expect: 'clean', windows: SHRINK_WINDOWS }],
  'V0-i': [{ ...shrinkAfterClose(29_378), expect: 'clean' }],
  'V0-a': retained(REF, `${REF}:retention=off`),
  'V0-h': [{ ...sleepingAllocation, expect: 'clean' }],
  mischarge: [
    { ...movedWhileAsleep, expect: 'found', condition: 'slabs are charged to the running task' },
    {
      ...movedWhileAsleep,
      expect: 'clean',
      condition: 'slabs are charged to the memcg of their cache',
      kernel: 'v3.14+explicit-slab-charging+pin-until-release',
    },
  ],
  ...withoutBarrier(REF),
  'never-kick': neverKick(REF),
};

export const casesV1Gp: BugCases = {
  ...common,
  'V0-d': [
    {
      ...shrinksDuringGracePeriod,
      expect: 'found',
      condition: 'the shrink begins while the grace period lasts',
      curedBy: REF,
    },
    {
      ...shrinkFreesLastSlab,
      expect: 'clean',
      condition: 'the shrink begins before it, and gives the last slab back',
      kernel: `${GP}:retention=on`,
      windows: SHRINK_WINDOWS,
    },
  ],
  'V0-i': [{ ...shrinkAfterClose(61_373), expect: 'found', curedBy: REF }],
  'V0-e': [{ ...creationAfterOffline, expect: 'found', curedBy: `${REF}:flush=on` }],
  'V0-a': retained(`${GP}:retention=on`, GP),
  'V0-h': [{ ...sleepingAllocation, expect: 'found', curedBy: REF }],
  mischarge: [{ ...movedWhileAsleep, expect: 'clean' }],
  ...withoutBarrier(GP),
  'never-kick': neverKick(GP),
};
