import { READ_OBJCG_MEMCG } from '@kmemlab/kernel';
import { laterThan314, lifecycleDefects, zombieCases } from './lifecycle-cases.js';
import { stockDrained, stockWithoutPages } from './stock-cases.js';
import type { BugCase, BugCases } from './types.js';

const SMALL = { nodes: 1, cpusPerNode: 2 } as const;

const ofObjects = (expect: BugCase['expect'], defect: string, more: Partial<BugCase> = {}): BugCase => ({
  ...{ expect, experiment: 'object-defects', ...SMALL, config: 'slub' },
  ...more,
  params: { defect },
});

/** Object-based accounting of 5.9: no memcg caches, so what earlier kernels did with them cannot happen. */
export const casesV6: BugCases = {
  ...laterThan314,
  ...zombieCases('generations'),
  'V3-d': [...stockDrained, stockWithoutPages],
  'V0-f': [{ ...lifecycleDefects.rootDestroyed('clean'), verdict: 'use-after-free' }],
  'V5p-b': [lifecycleDefects.deniedItem('clean')],
  'V4-d': [lifecycleDefects.dyingRoot('clean')],
  'never-kick': [
    { expect: 'found', kernel: 'v5.9+never-kick', experiment: 'tune-slabinfo', ...SMALL, verdict: 'SLAB-4' },
  ],
  'no-barrier-at-root-destruction': [
    {
      ...{ expect: 'found', kernel: 'v5.9+no-barrier-at-root-destruction', verdict: 'SLUB-6' },
      ...{ experiment: 'root-destruction', ...SMALL, config: 'slub', params: { type: 'rcu' } },
    },
  ],
  'V6-a': [ofObjects('found', 'a', { finding: { class: 'unaccounted' } })],
  'V6-b': [ofObjects('found', 'b', { verdict: 'REF-2', windows: [READ_OBJCG_MEMCG] })],
  'V6-c': [ofObjects('found', 'c', { verdict: 'OBJ-1' })],
  'V6-d': [ofObjects('found', 'd', { finding: { class: 'negative-counter' } })],
  'V6-e': [
    { ...ofObjects('found', 'e', { cpusPerNode: 3, finding: { class: 'dead-cpu-stock' } }), condition: 'CPU hotplug' },
    { ...ofObjects('clean', 'a', { finding: { class: 'dead-cpu-stock' } }), condition: 'CPUs stay online' },
  ],
  'V6-f': [
    { ...ofObjects('found', 'f', { finding: { class: 'held-vector' } }), condition: 'accounted kmalloc' },
    { ...ofObjects('clean', 'a', { finding: { class: 'held-vector' } }), condition: 'no accounted kmalloc' },
  ],
  // An obj_cgroup without a reference would break a rule of references when it is put: charges go on while the memcg goes.
  'V6-g': ['invariant-broken', 'use-after-free'].map((verdict) => ({ ...lifecycleDefects.inFlight('clean'), verdict })),
};
