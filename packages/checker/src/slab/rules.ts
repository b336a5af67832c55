import type { Invariant } from '../types.js';

/** SLAB. spec/slab.md §9. */
export const slabRules = {
  conservation: {
    id: 'SLAB-1',
    rule: 'Per cache and node: objects free in slabs, in arrays and live add up to num times the number of slabs.',
  },
  counts: {
    id: 'SLAB-2',
    rule: 'free_objects is what the slabs have free; free slabs have no active object, full slabs only active ones.',
  },
  onePlace: { id: 'SLAB-3', rule: 'An object is in exactly one place.' },
  arrayOwner: {
    id: 'SLAB-4',
    rule: 'Another CPU’s array is touched only after that CPU has answered a waiting call that began after the array was unpublished.',
  },
  afterRelease: {
    id: 'SLAB-5',
    rule: 'No page callback, array access or list operation refers to a cache after __kmem_cache_release.',
  },
  emptyAtShutdown: {
    id: 'SLAB-6',
    rule: 'A cache is shut down successfully only with all lists empty, and released only after all its page callbacks ran.',
  },
  kickCount: {
    id: 'SLAB-7',
    rule: 'Publishing an array set costs the kernel’s number of all-CPU calls: one to 4.10; none at creation from 4.12 on.',
  },
  arraysPin: {
    id: 'SLAB-8',
    rule: 'An object in an array of a dead memcg’s cache keeps the cache until it is drained.',
  },
} as const satisfies Record<string, Invariant>;
