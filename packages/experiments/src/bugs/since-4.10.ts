import {
  type BugScenario,
  freedLater,
  lastPageBeforeDestroyWork,
  liveObjects,
  RELEASE_WINDOWS,
  rcuTypedUnused,
  reapedLater,
  SHRINK_WINDOWS,
  shrinkBetweenNodes,
} from './emptying.js';
import type { BugCase, BugCases } from './types.js';

/* Scenarios for the kernels whose caches die with their memcg (4.10 to 5.2), and those of their answers that are the same. */

const small = { nodes: 1, cpusPerNode: 2 } as const;

export const found = (...scenarios: readonly BugScenario[]): readonly BugCase[] =>
  scenarios.map((scenario) => ({ ...scenario, expect: 'found' }));

export const clean = (...scenarios: readonly BugScenario[]): readonly BugCase[] =>
  scenarios.map((scenario) => ({ ...scenario, expect: 'clean' }));

const withBoth = (scenario: BugScenario): readonly BugScenario[] => [
  { ...scenario, config: 'slab' },
  { ...scenario, config: 'slub' },
];

/** A module is unloaded once its memcg is being removed. */
export const unloadWhileRemoving: BugScenario = {
  ...{ experiment: 'root-destruction', ...small, from: 'unload' },
  params: { memcgs: 1, when: 'removing', gap: 20_000 },
  verdict: 'use-after-free',
};

/** A module is unloaded as soon as a memcg has asked for a cache of it. */
export const unloadWhileCreating: BugScenario = {
  ...{ experiment: 'root-destruction', ...small, from: 'unload' },
  params: { memcgs: 1, modules: 4, when: 'creating', contend: 4 },
};

/** The same module is loaded again as soon as it has been unloaded. */
export const loadedAgain: BugScenario = {
  ...{ experiment: 'root-destruction', ...small, config: 'slub', from: 'unload' },
  params: { memcgs: 1, reload: 'atOnce' },
};

/** The removed root is RCU-typed, and so are its children. */
const rcuTypedRoot = (config: string, kernel: string): BugScenario => ({
  ...{ experiment: 'root-destruction', ...small, config, kernel, from: 'unload' },
  params: { memcgs: 1, type: 'rcu' },
  verdict: config === 'slab' ? 'SLAB-6' : 'SLUB-6',
});

/** One of two names of a root cache goes, then the memcg. */
export const aliasUnloaded = (config: string): BugScenario => ({
  ...{ experiment: 'root-destruction', ...small, config: `${config},objects=measured`, from: 'unload' },
  params: { memcgs: 1, when: 'removing', alias: 'merged' },
});

/** The removal begins while caches are being created, which takes long. */
const removalOvertakesCreation: BugScenario = {
  ...{ experiment: 'barrier-batching', ...small, from: 'remove' },
  params: { memcgs: 2, settle: 0 },
  costs: { 'slab.create': 400_000 },
  verdict: 'leak',
};

/** An allocation sleeps for memory while its task is moved, or the removal of its memcg begins. */
const sleeping = (params: BugScenario['params'], verdict: string): BugScenario => ({
  ...{ experiment: 'sleeping-allocation', ...small, from: 'sleep', ...(params && { params }) },
  verdict,
});

/** The defects of the rework that was posted later. */
const posted = (defect: string, verdict: string, config = 'slab'): BugScenario => ({
  ...{ experiment: 'posted-defects', ...small, config, from: 'defect' },
  params: { defect },
  verdict,
});

const teardown = (config: string, kernel: string): BugScenario => ({
  ...{ experiment: 'barrier-batching', ...small, config, kernel, from: 'remove' },
  params: { memcgs: 2, caches: 0 },
  verdict: config === 'slab' ? 'SLAB-6' : 'SLUB-6',
});

/** What 4.10, 4.12 and 5.2 have in common. */
export const casesSince410 = (kernel: string): BugCases => ({
  'V0-b': clean({ ...lastPageBeforeDestroyWork, windows: SHRINK_WINDOWS, verdict: 'use-after-free' }),
  'V0-c': clean({ ...lastPageBeforeDestroyWork, windows: RELEASE_WINDOWS, verdict: 'double-destroy' }),
  'V0-d': clean({ ...shrinkBetweenNodes, windows: SHRINK_WINDOWS, verdict: 'use-after-free' }),
  'V0-i': clean({ ...shrinkBetweenNodes, windows: SHRINK_WINDOWS, verdict: 'use-after-free' }),
  'V0-e': clean(...withBoth(removalOvertakesCreation), sleeping({ sleeper: 'creation' }, 'leak')),
  'V0-h': clean(...withBoth(sleeping({}, 'use-after-free'))),
  'no-reaper': clean({ ...reapedLater, finding: { class: 'dead-cache', pinnedBy: 'freeObjects' } }),
  'zombie-objects': found(liveObjects),
  'zombie-negative-dentry': found({
    ...{ experiment: 'avoid-ipis', ...small },
    params: { loops: 5 },
    finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry' },
  }),
  mischarge: clean({ ...sleeping({ remove: 'no' }, ''), finding: { class: 'mischarge' } }),
  'V1-a': clean({ ...rcuTypedUnused, finding: { class: 'dead-cache', pinnedBy: 'other' } }),
  'V2-a': clean({ ...lastPageBeforeDestroyWork, verdict: 'stall' }),
  'V2-b': clean({ ...lastPageBeforeDestroyWork, verdict: 'use-after-free' }),
  'V5p-a': clean(posted('a', 'stall', 'slab,preempt')),
  'V5p-b': clean(posted('b', 'leak')),
  'V5p-c': clean(posted('c', 'deadlock')),
  'V5p-d': clean(posted('d', 'use-after-free', 'slub')),
  'never-kick': found({
    ...{ kernel: `${kernel}+never-kick`, experiment: 'tune-slabinfo', ...small, config: 'slab' },
    verdict: 'SLAB-4',
  }),
  'no-barrier-at-teardown': clean(
    ...['slab', 'slub'].map((config) => teardown(config, `${kernel}+no-barrier-at-teardown`)),
  ),
  'no-barrier-at-root-destruction': found(
    ...['slab', 'slub'].map((config) => rcuTypedRoot(config, `${kernel}+no-barrier-at-root-destruction`)),
  ),
});

/** A cache whose last object was freed after its memcg had been removed keeps no empty slab. */
export const emptySlabs: BugScenario = { ...freedLater, finding: { class: 'dead-cache', pinnedBy: 'retainedSlab' } };
