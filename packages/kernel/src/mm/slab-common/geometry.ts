import { SlabFlag } from '../slab/types.js';

const CACHE_LINE = 64;

/** Where the list of free objects lies: for SLAB in a free object, in another cache or in the slab, for SLUB in or behind each object. */
export type Placement = 'objfreelist' | 'off-slab' | 'on-slab' | 'in-object' | 'behind-object';

/** How a cache's slabs are cut: sizes in bytes, `num` objects per slab of 2^order pages. */
export interface Geometry {
  readonly size: number;
  readonly num: number;
  readonly order: number;
  readonly placement: Placement;
  /** Number of colours: different offsets of the first object. */
  readonly colours: number;
}

/** calculate_alignment (mm/slab_common.c 4.10). Bytes. */
export function objectAlignment(objectSize: number, flags: number): number {
  if ((flags & SlabFlag.hwcacheAlign) === 0) return 8;
  let align = CACHE_LINE;
  while (objectSize <= align / 2) align /= 2;
  return Math.max(8, align);
}
