import type { Handle } from '@kmemlab/machine';
import type { PolicyWord } from '../../policy-words.js';

/** struct page of a slab block's head page, at its home node. */
export interface SlabPage {
  readonly order: number;
  /** slab_cache; 0 while the block is not a slab. */
  cache: Handle;
  num: number;
  /** Objects out of the slab, including those lying in arrays. */
  active: number;
  /** Slots that are free in the slab, last out first. */
  free: number[];
  /**
   * `used`: the block is no slab, and somebody holds it. SLUB: a frozen slab belongs to one CPU; full and frozen slabs are on no list.
   */
  list: 'none' | 'full' | 'partial' | 'free' | 'used' | 'frozen';
  /** The memcg charged for the block (page->mem_cgroup), 0 if none. */
  memcg: Handle;
  /** What a `used` block is for. */
  use?: PageUse;
}

/** User pages: private memory, and data of files. Kernel memory: stacks, kmalloc of more than two pages (SLUB), and the rest. */
export type PageUse = 'anon' | 'file' | 'kernel_stack' | 'kmalloc_large' | 'kernel';

/** A slab taken off its lists, to be given back to the page allocator. */
export interface DetachedSlab {
  readonly page: Handle;
  readonly memcg: Handle;
  readonly order: number;
}

/** Cache flags. */
export const SlabFlag = {
  /** SLAB_ACCOUNT: allocations are charged to the memcg of the running task. */
  account: 1,
  /** SLAB_DESTROY_BY_RCU: pages are freed through RCU. */
  destroyByRcu: 2,
  /** SLAB_RECLAIM_ACCOUNT */
  reclaim: 4,
  /** The cache has a constructor. */
  ctor: 8,
  /** SLAB_HWCACHE_ALIGN */
  hwcacheAlign: 16,
} as const;

export interface Tunables {
  readonly limit: number;
  readonly batchcount: number;
  /** Multiplier of the shared array's size; 0 = no shared array. */
  readonly shared: number;
}

/** A new array set of a cache that takes the place of the previous one, 0 for a new cache. */
export interface ArraySwap {
  readonly cache: Handle;
  readonly set: Handle;
  readonly previous: Handle;
  readonly tunables: Tunables;
}

/** Which slab free_block gives back while more objects are free than free_limit: the one it has just emptied, or the last free one. */
export type SlabTrim = PolicyWord<'slab.trims'>;

/** Capacity of an alien array (init_alien_cache, 4.10). */
export const alienLimit = (limit: number): number => (limit > 1 ? 12 : 1);
