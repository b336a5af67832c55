import type { Invariant } from '../types.js';

/** Charges, statistics and LRU lists of memcgs. spec/memcg-kmem.md §A. */
export const memcgRules = {
  kmemUsage: {
    id: 'MEMCG-1',
    rule: 'The kmem usage of a memcg is the pages charged to it and, in a hierarchy, to its descendants.',
  },
  slabStatistics: {
    id: 'MEMCG-2',
    rule: 'A memcg’s slab statistics of a node, with what CPUs hold back, are its slab pages there.',
  },
  emptyAtFree: { id: 'MEMCG-3', rule: 'A memcg is freed with no cache on its list and no kmem charged.' },
  lruList: {
    id: 'MEMCG-4',
    rule: 'An unused dentry is on one LRU list: that of its memcg, or of the one that took the memcg’s id over.',
  },
} as const satisfies Record<string, Invariant>;
