import { FOUND_IN_SLOT, ITEM_NOT_PENDING, PAGES_RELEASED, SLOT_READ } from '@kmemlab/kernel';
import {
  lastPageBeforeDestroyWork,
  movedWhileAsleep,
  rcuTypedUnused,
  shrinkAfterClose,
  sleepingAllocation,
} from './emptying.js';
import { idsUsedAgain, stackStays } from './reparenting.js';
import type { BugCase, BugCases } from './types.js';

/** A memcg's cache whose objects are free, and a shrink from outside that comes when its destroy work begins. */
const shrunkMeanwhile = {
  expect: 'found',
  config: 'slub',
  experiment: 'empty-cache',
  nodes: 1,
  cpusPerNode: 2,
  params: { live: 0, shrinks: 1, shrinkEvery: 29_400, freeAfter: 40_000, awake: 'none', observe: 10 },
  from: 'remove',
} as const satisfies BugCase;

const small = { nodes: 1, cpusPerNode: 2 } as const;

const generations = { experiment: 'zombies', ...small, params: { generations: 2, files: 2 } } as const;

export const casesV0: BugCases = {
  'V0-b': [{ ...lastPageBeforeDestroyWork, expect: 'found', windows: [PAGES_RELEASED, FOUND_IN_SLOT] }],
  'V0-c': [
    {
      ...shrunkMeanwhile,
      params: { ...shrunkMeanwhile.params, shrinkEvery: 29_550 },
      windows: [PAGES_RELEASED, FOUND_IN_SLOT, ITEM_NOT_PENDING],
    },
  ],
  'V0-d': [
    {
      ...shrunkMeanwhile,
      condition: 'SLUB, two nodes',
      nodes: 2,
      cpusPerNode: 1,
      params: { ...shrunkMeanwhile.params, cpus: 2 },
      windows: [FOUND_IN_SLOT, 'kmem_cache_shrink:next-node'],
    },
  ],
  'V0-e': [{ ...sleepingAllocation, expect: 'found', params: { sleeper: 'creation' } }],
  'V0-f': [
    {
      expect: 'found',
      config: 'slub',
      experiment: 'root-destruction',
      ...small,
      params: { when: 'removing', gap: 29_400 },
      windows: [FOUND_IN_SLOT, SLOT_READ],
      from: 'unload',
    },
  ],
  'V0-g': [
    {
      expect: 'found',
      experiment: 'root-destruction',
      nodes: 1,
      cpusPerNode: 3,
      params: { when: 'creating', modules: 3, contend: 10 },
      from: 'unload',
    },
  ],
  'V0-h': [{ ...sleepingAllocation, expect: 'found' }],
  'V0-i': [{ ...shrinkAfterClose(29_387), expect: 'found', curedBy: 'v3.14+pin-until-release' }],
  'V0-a': [
    {
      expect: 'found',
      condition: 'SLUB',
      config: 'slub',
      ...generations,
      finding: { class: 'dead-cache', pinnedBy: 'retainedSlab' },
    },
  ],
  'no-reaper': [
    {
      expect: 'clean',
      experiment: 'empty-cache',
      ...small,
      params: { objects: 4, observe: 30_000 },
      finding: { class: 'dead-cache' },
    },
  ],
  'zombie-objects': [{ expect: 'found', ...generations, finding: { class: 'zombie-memcg', phase: 'generations' } }],
  'zombie-negative-dentry': [
    {
      expect: 'clean',
      experiment: 'avoid-ipis',
      ...small,
      params: { loops: 5 },
      finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry' },
    },
  ],
  'zombie-pages': [{ ...stackStays, expect: 'found', curedBy: 'v3.14+reparent-2014' }],
  'V1-a': [
    { ...rcuTypedUnused, expect: 'clean', finding: { class: 'dead-cache' } },
    { ...rcuTypedUnused, config: 'slab', expect: 'clean', finding: { class: 'dead-cache' } },
  ],
  'V3-d': [{ expect: 'clean', ...generations, finding: { class: 'zombie-memcg', pinnedBy: 'stock' } }],
  'sysfs-clash': [{ ...idsUsedAgain, expect: 'clean' }],
  'no-barrier-at-teardown': [
    {
      ...rcuTypedUnused,
      // The shrink’s callbacks run after the grace period for which the offline waits, too.
      params: { ...shrunkMeanwhile.params, type: 'rcu', shrinkEvery: 17_500, freeAfter: 60_000 },
      expect: 'found',
      kernel: 'v3.14+no-barrier-before-destroy',
      verdict: 'V0-b',
      windows: [PAGES_RELEASED, FOUND_IN_SLOT],
    },
  ],
  mischarge: [{ ...movedWhileAsleep, expect: 'found' }],
};
