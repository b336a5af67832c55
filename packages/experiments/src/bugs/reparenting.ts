import type { BugScenario } from './emptying.js';

/* Scenarios of reparenting-2014, for the kernels on 3.14. A memcg hands its caches on 29.3 ms after rmdir. */

const scenario = { experiment: 'reparenting-2014', nodes: 1, cpusPerNode: 2 } as const;

const lateFree = { ...scenario, config: 'slub', from: 'generations' } as const;

/** A slab is given back while its memcg has been killed and still has its caches. */
export const freedBeforeHandOver: BugScenario = { ...lateFree, params: { part: 'late-free', freeAfter: 5000 } };

/** A slab is given back after its CPU has passed the last quiescent state, and just before the cache's destroy work. */
export const freedAtHandOver: BugScenario = { ...lateFree, params: { part: 'late-free', freeAfter: 27_000 } };

/** The same cache, RCU-typed: a free on one CPU and a shrink on the other, whose page callbacks run after the same grace period. */
export const callbacksOnTwoCpus: BugScenario = {
  ...lateFree,
  params: { part: 'late-free', type: 'rcu', freeAfter: 50_000, shrink: 1 },
};

const comeAndGo = { part: 'come-and-go', files: 1, settle: 0 } as const;

/** Memcgs that come and go while one file of each stays. */
export const fileStays: BugScenario = { ...scenario, params: { memcgs: 2, files: 1, pause: 50 } };

/** One memcg, its file, and the time in which cache_reap gives the slabs of both back. */
export const fileGoesLater: BugScenario = {
  ...scenario,
  params: { ...comeAndGo, memcgs: 1, pause: 50, settle: 12 },
  from: 'generations',
};

/** Memcgs that have gone, with their id free again, before the next is made. */
export const idsUsedAgain: BugScenario = {
  ...scenario,
  config: 'slub',
  params: { ...comeAndGo, memcgs: 2, pause: 100 },
  from: 'generations',
};

/** A memcg that comes and goes; the last thing in it is the first use of one more cache. */
export const creationPending: BugScenario = {
  ...scenario,
  params: { ...comeAndGo, memcgs: 1, pause: 50, pending: 1 },
  from: 'generations',
};

/** A task that was forked in a memcg lives on outside. */
export const stackStays: BugScenario = {
  ...scenario,
  params: { memcgs: 1, files: 0, stacks: 1 },
  finding: { class: 'zombie-memcg' },
};

/** Window of an uncharge that follows the release of the pages. */
export const UNCHARGE_WINDOWS = ['memcg_uncharge_slab:pages-released'] as const;
