import { FOUND_IN_SLOT, SLOT_READ } from '@kmemlab/kernel';
import {
  freedLater,
  lastPageBeforeDestroyWork,
  liveObjects,
  movedWhileAsleep,
  RELEASE_WINDOWS,
  rcuTypedUnused,
  SHRINK_WINDOWS,
  shrinkAfterClose,
  shrinkBetweenNodes,
  sleepingAllocation,
} from './emptying.js';
import {
  callbacksOnTwoCpus,
  creationPending,
  fileGoesLater,
  fileStays,
  freedAtHandOver,
  freedBeforeHandOver,
  idsUsedAgain,
  stackStays,
  UNCHARGE_WINDOWS,
} from './reparenting.js';
import type { BugCases } from './types.js';

const SERIES = 'v3.14+reparent-2014';

const rootDestruction = { experiment: 'root-destruction', nodes: 1, cpusPerNode: 2, from: 'unload' } as const;

/** A module is unloaded when its child’s memcg has just handed that on; a moment before, the unloading spins for the memcg (V2-a). */
const unloadedAfterHandOver = {
  ...rootDestruction,
  params: { when: 'removing', gap: 32_020 },
  windows: [FOUND_IN_SLOT, SLOT_READ],
} as const;

export const casesV2: BugCases = {
  'V0-b': [{ ...lastPageBeforeDestroyWork, expect: 'clean', windows: RELEASE_WINDOWS }],
  'V0-c': [
    { ...lastPageBeforeDestroyWork, expect: 'clean', windows: RELEASE_WINDOWS },
    { ...fileGoesLater, expect: 'clean', condition: 'SLAB' },
  ],
  'V0-d': [{ ...shrinkBetweenNodes, expect: 'found', windows: SHRINK_WINDOWS }],
  'V0-e': [
    { ...creationPending, expect: 'clean' },
    { ...sleepingAllocation, expect: 'clean', condition: 'the creation sleeps', params: { sleeper: 'creation' } },
  ],
  'V0-f': [
    { ...unloadedAfterHandOver, expect: 'clean', config: 'slub' },
    { ...unloadedAfterHandOver, expect: 'clean', condition: 'SLAB' },
  ],
  'V0-g': [{ ...rootDestruction, expect: 'clean', params: { when: 'creating', contend: 1 } }],
  'V0-h': [{ ...sleepingAllocation, expect: 'found', curedBy: 'v3.14+pin-until-release' }],
  'V0-i': [{ ...shrinkAfterClose(29_381), expect: 'found', curedBy: 'v3.14+pin-until-release' }],
  'V0-a': [
    {
      ...fileStays,
      expect: 'found',
      condition: 'SLUB; the caches are the parent’s, and no memcg is kept',
      config: 'slub',
      finding: { class: 'adopted-cache', pinnedBy: 'retainedSlab' },
    },
    { ...fileStays, expect: 'clean', condition: 'SLAB', finding: { class: 'adopted-cache' } },
  ],
  'no-reaper': [{ ...freedLater, expect: 'clean', config: 'slab' }],
  'zombie-objects': [{ ...liveObjects, expect: 'clean' }],
  'zombie-negative-dentry': [
    {
      ...fileStays,
      expect: 'clean',
      finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry', phase: 'generations' },
    },
  ],
  'zombie-pages': [
    { ...stackStays, expect: 'found', condition: 'before patch 9', kernel: `${SERIES}:upto=8` },
    { ...stackStays, expect: 'clean', condition: 'from patch 9' },
  ],
  'V1-a': [{ ...rcuTypedUnused, expect: 'clean' }],
  'V3-d': [{ ...liveObjects, expect: 'clean', finding: { class: 'zombie-memcg', pinnedBy: 'stock' } }],
  'V2-a': [
    { ...freedBeforeHandOver, expect: 'found', elsewhere: 'stall' },
    {
      ...{ ...freedBeforeHandOver, params: { ...freedBeforeHandOver.params, freeAfter: 25_000 } },
      expect: 'clean',
      condition: 'SLUB, preemptible',
      config: 'slub,preempt',
    },
    {
      ...{ experiment: 'empty-cache', nodes: 1, cpusPerNode: 2 },
      expect: 'found',
      condition: 'SLAB, also preemptible: interrupts are off',
      config: 'slab,preempt',
      params: { objects: 100, live: 100, size: 8192, freeAfter: 5000, observe: 100 },
    },
    {
      ...{ ...rootDestruction, config: 'slub', params: { when: 'removing', gap: 30_000 } },
      expect: 'found',
      condition: 'a module is unloaded: it spins under activate_kmem_mutex, for which the offline waits',
      verdict: 'stall',
    },
  ],
  'V2-b': [
    { ...freedAtHandOver, expect: 'found', windows: UNCHARGE_WINDOWS },
    { ...freedAtHandOver, expect: 'clean', condition: 'SLAB', config: 'slab', windows: UNCHARGE_WINDOWS },
    { ...callbacksOnTwoCpus, expect: 'clean', condition: 'RCU-typed', windows: UNCHARGE_WINDOWS },
  ],
  'sysfs-clash': [
    { ...idsUsedAgain, expect: 'found', condition: 'without patch 12', kernel: `${SERIES}:upto=11` },
    { ...idsUsedAgain, expect: 'clean', condition: 'with patch 12' },
  ],
  mischarge: [
    { ...movedWhileAsleep, expect: 'found', condition: 'before patch 7', kernel: `${SERIES}:upto=6` },
    { ...movedWhileAsleep, expect: 'clean', condition: 'from patch 7' },
  ],
  'never-kick': [
    {
      ...{ experiment: 'tune-slabinfo', nodes: 1, cpusPerNode: 2, verdict: 'SLAB-4' },
      expect: 'found',
      kernel: `${SERIES}+swap-without-waiting`,
    },
  ],
  'no-barrier-at-teardown': [
    {
      ...callbacksOnTwoCpus,
      expect: 'found',
      kernel: `${SERIES}+no-barrier-before-destroy`,
      verdict: 'V2-b',
      windows: UNCHARGE_WINDOWS,
    },
  ],
  'no-barrier-at-root-destruction': [
    {
      ...rootDestruction,
      expect: 'found',
      kernel: `${SERIES}+no-barrier-at-root-destruction`,
      params: { type: 'rcu' },
      verdict: 'SLAB-6',
    },
  ],
};
