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
  sleepingAllocation,
  unloadedDuringCreation,
  unloadedDuringDestroyWork,
} from './emptying.js';
import { idsUsedAgain, stackStays } from './reparenting.js';
import type { BugCases } from './types.js';

const V1 = 'v3.14+no-destroy-on-last-page';

export const casesV1: BugCases = {
  'sysfs-clash': [{ ...idsUsedAgain, expect: 'clean' }],
  'V0-b': [{ ...lastPageBeforeDestroyWork, expect: 'clean' }],
  'V0-c': [{ ...shrinkDuringDestroyWork, expect: 'clean' }],
  'V0-d': [
    {
      ...shrinkBetweenNodes,
      expect: 'found',
      condition: 'SLUB, and somebody else shrinks',
      windows: SHRINK_WINDOWS,
      curedBy: 'v3.14+pin-until-release',
    },
    {
      ...lastPageBeforeDestroyWork,
      expect: 'clean',
      condition: 'nobody but the destroy work shrinks',
      params: { ...lastPageBeforeDestroyWork.params, shrinks: 0 },
    },
  ],
  'V0-e': [{ ...creationAfterOffline, expect: 'found', curedBy: 'v3.14+pin-until-release:flush=on' }],
  'V0-a': [
    {
      ...freedLater,
      expect: 'found',
      finding: { class: 'dead-cache', pinnedBy: 'retainedSlab' },
      curedBy: 'v3.14+pin-until-release:retention=off',
    },
  ],
  'no-reaper': [
    { ...reapedLater, expect: 'found', curedBy: `${V1}:reaper=periodic:period=10` },
    {
      ...reapedLater,
      expect: 'found',
      kernel: `${V1}:reaper=vmpressure`,
      finding: { class: 'dead-cache' },
      curedBy: `${V1}:reaper=periodic:period=10`,
    },
  ],
  'V1-a': [
    { ...rcuTypedUnused, expect: 'found', curedBy: 'v3.14' },
    { ...rcuTypedUnused, config: 'slab', expect: 'found', curedBy: 'v3.14' },
  ],
  'zombie-objects': [{ ...liveObjects, expect: 'found', curedBy: 'v5.3' }],
  'zombie-negative-dentry': [
    {
      ...liveObjects,
      expect: 'clean',
      finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry', phase: 'generations' },
    },
  ],
  'V2-b': [
    {
      ...lastPageBeforeDestroyWork,
      expect: 'clean',
      condition: 'slabs are uncharged before their cache gives the pages up',
    },
    {
      ...lastPageBeforeDestroyWork,
      expect: 'found',
      condition: 'slabs are uncharged after their cache has given the pages up',
      kernel: `${V1}:uncharge=last`,
      windows: ['memcg_uncharge_slab:pages-released'],
      curedBy: V1,
    },
  ],
  'V0-f': [{ ...unloadedDuringDestroyWork, expect: 'found' }],
  'no-barrier-at-teardown': [
    {
      ...callbackDuringDestroyWork,
      expect: 'clean',
      condition: 'slabs are uncharged before their cache gives the pages up',
      kernel: `${V1}+no-barrier-before-destroy`,
      verdict: 'use-after-free',
    },
    {
      ...callbackDuringDestroyWork,
      expect: 'found',
      condition: 'slabs are uncharged after their cache has given the pages up',
      kernel: `${V1}:uncharge=last+no-barrier-before-destroy`,
      verdict: 'V2-b',
      windows: ['memcg_uncharge_slab:pages-released'],
      curedBy: `${V1}:uncharge=last`,
    },
  ],
  'no-barrier-at-root-destruction': [
    {
      ...rcuTypedUnloaded,
      expect: 'found',
      kernel: `${V1}+no-barrier-at-root-destruction`,
      verdict: 'SLAB-6',
      curedBy: V1,
    },
    {
      ...rcuTypedUnloaded,
      config: 'slub',
      expect: 'found',
      kernel: `${V1}+no-barrier-at-root-destruction`,
      verdict: 'SLUB-6',
      curedBy: V1,
    },
  ],
  'V0-g': [{ ...unloadedDuringCreation, expect: 'found' }],
  'V0-h': [{ ...sleepingAllocation, expect: 'found', curedBy: 'v3.14+pin-until-release' }],
  'V0-i': [{ ...shrinkAfterClose(29_377), expect: 'found', curedBy: 'v3.14+pin-until-release' }],
  'zombie-pages': [{ ...stackStays, expect: 'found', curedBy: 'v3.14+reparent-2014' }],
  'V3-d': [{ ...liveObjects, expect: 'clean', finding: { class: 'zombie-memcg', pinnedBy: 'stock' } }],
  mischarge: [{ ...movedWhileAsleep, expect: 'clean' }],
  'never-kick': [
    {
      expect: 'found',
      kernel: `${V1}+swap-without-waiting`,
      experiment: 'tune-slabinfo',
      nodes: 1,
      cpusPerNode: 2,
      verdict: 'SLAB-4',
    },
  ],
};
