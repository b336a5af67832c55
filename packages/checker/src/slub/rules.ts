import type { Invariant } from '../types.js';

/** SLUB. spec/slub.md §10. */
export const slubRules = {
  conservation: {
    id: 'SLUB-1',
    rule: 'Per node: every slab is partial, full, or frozen and then held by exactly one CPU.',
  },
  counts: {
    id: 'SLUB-2',
    rule: 'Per slab: objects in use and on its free list are all of them; in use are those of users and of its owner’s private list.',
  },
  owner: {
    id: 'SLUB-3',
    rule: 'Only a frozen slab has an owner; a slab on a node’s partial list is not frozen.',
  },
  discarded: {
    id: 'SLUB-4',
    rule: 'A discarded slab has no object in use, is on no list, and is not used afterwards.',
  },
  deactivated: {
    id: 'SLUB-5',
    rule: 'After its memcg went offline, with no allocation in flight, a cache has no slab on any CPU and no empty slab.',
  },
  emptyAtShutdown: {
    id: 'SLUB-6',
    rule: 'A cache is shut down successfully and released only when no CPU and no node has a slab of it, and is not used afterwards.',
  },
  directories: {
    id: 'SLUB-7',
    rule: 'No two directories have the same name; a cache whose directory cannot be added is not made.',
  },
  freeName: {
    id: 'SLUB-8',
    rule: 'A new cache finds the name of its directory free: whoever had it before has given it up.',
  },
} as const satisfies Record<string, Invariant>;
