import type { BugCase } from './types.js';

/*
 * Scenarios in which the cache of a removed memcg becomes empty, for the kernels on 3.14. There its destroy work runs 29.4 ms
 * after rmdir, when the grace period of the offline has ended.
 */

/** What a case is without its answer. */
export type BugScenario = Omit<BugCase, 'expect'>;

const emptyCache = { experiment: 'empty-cache', nodes: 1, cpusPerNode: 2, from: 'remove' } as const;

/** The last object is freed, and its slab given back at once, just before the destroy work looks. */
export const lastPageBeforeDestroyWork: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { minPartial: 0, shrinks: 1, shrinkEvery: 1000, freeAfter: 28_800, observe: 20, awake: 'none' },
};

/** A shrink through sysfs gives the last slab back while the destroy work runs. */
export const shrinkDuringDestroyWork: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { live: 0, shrinks: 1, shrinkEvery: 29_350, freeAfter: 60_000, observe: 20 },
};

/** The same on two nodes: the shrink has been to the first when the cache goes. */
export const shrinkBetweenNodes: BugScenario = {
  ...shrinkDuringDestroyWork,
  nodes: 2,
  cpusPerNode: 1,
  params: { ...shrinkDuringDestroyWork.params, shrinkEvery: 29_000 },
};

/** Somebody shrinks again and again, also while the destroy work waits for a grace period (V1’-gp). */
export const shrinksDuringGracePeriod: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { live: 0, shrinks: 20, shrinkEvery: 3050, freeAfter: 80_000, awake: 'none', observe: 10 },
};

/** The last object is freed long after rmdir, and its slab, which is kept, goes in the shrink that follows. */
export const shrinkFreesLastSlab: BugScenario = {
  ...shrinkDuringDestroyWork,
  nodes: 2,
  cpusPerNode: 1,
  from: 'free',
  params: { shrinks: 1, shrinkEvery: 1000, freeAfter: 40_000, observe: 200, awake: 'none', cpus: 2 },
};

/** A shrink begins when the structures of the cache have been freed and its directory is still there. */
export const shrinkAfterClose = (afterRmdir: number): BugScenario => ({
  ...emptyCache,
  config: 'slub',
  params: {
    ...{ live: 0, shrinks: 1, shrinkEvery: afterRmdir, awake: 'none', observe: 10 },
    freeAfter: afterRmdir + 10_000,
  },
});

/** The last object is freed a second after rmdir, and nobody shrinks. */
export const freedLater: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { freeAfter: 1_000_000, observe: 2000 },
};

/** The same with SLAB, and long enough for cache_reap to give everything back. */
export const reapedLater: BugScenario = {
  ...freedLater,
  config: 'slab',
  params: { ...freedLater.params, observe: 11_000 },
};

/** An RCU-typed cache without any object in use goes with its memcg. */
export const rcuTypedUnused: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { type: 'rcu', live: 0, freeAfter: 500_000, observe: 500 },
};

/** The memcg asks for caches, on a CPU each, and goes while they are made, one after the other. */
export const creationAfterOffline: BugScenario = {
  ...emptyCache,
  cpusPerNode: 4,
  config: 'slub',
  params: { live: 0, ask: 3, freeAfter: 100_000, observe: 200 },
  costs: { 'slab.create': 20_000_000 },
};

/** The last slab of an RCU-typed cache is freed so that its callback runs when the destroy work does, by the same grace period. */
export const callbackDuringDestroyWork: BugScenario = {
  ...emptyCache,
  config: 'slub',
  params: { type: 'rcu', minPartial: 0, shrinks: 1, shrinkEvery: 500, freeAfter: 14_000, observe: 40 },
};

/** A module is unloaded while the destroy works of its children run. */
export const unloadedDuringDestroyWork: BugScenario = {
  experiment: 'root-destruction',
  nodes: 1,
  cpusPerNode: 2,
  config: 'slub',
  from: 'unload',
  params: { when: 'removing', gap: 29_300 },
};

/** A module is unloaded while the caches that memcgs have asked for are made. */
export const unloadedDuringCreation: BugScenario = {
  experiment: 'root-destruction',
  nodes: 1,
  cpusPerNode: 3,
  from: 'unload',
  params: { when: 'creating', modules: 3, contend: 10 },
};

/** A task is moved while it sleeps in the allocation of a slab, and its old memcg is removed. */
export const sleepingAllocation: BugScenario = {
  experiment: 'sleeping-allocation',
  nodes: 1,
  cpusPerNode: 2,
  from: 'sleep',
};

/** It is only moved. */
export const movedWhileAsleep: BugScenario = {
  ...sleepingAllocation,
  params: { remove: 'no' },
  finding: { class: 'mischarge' },
};

/** A module with an RCU-typed cache is unloaded while nothing else happens. */
export const rcuTypedUnloaded: BugScenario = {
  experiment: 'root-destruction',
  nodes: 1,
  cpusPerNode: 2,
  from: 'unload',
  params: { type: 'rcu' },
};

/** Windows of a release that finds the count at 0. */
export const RELEASE_WINDOWS = ['memcg_release_pages:nr_pages-zero', 'mem_cgroup_destroy_cache:not-pending'] as const;

/** Windows of a shrink. */
export const SHRINK_WINDOWS = ['kmem_cache_shrink:next-node', 'discard_slab:unlocked'] as const;

/** An object that lives keeps the memcg. */
export const liveObjects: BugScenario = {
  experiment: 'zombies',
  nodes: 1,
  cpusPerNode: 2,
  params: { generations: 2, files: 2 },
  finding: { class: 'zombie-memcg', phase: 'generations' },
};
