import { PAGE_SIZE } from '../page.js';
import { type Geometry, objectAlignment, type Placement } from '../slab-common/geometry.js';
import { SlabFlag } from './types.js';

const MIN_SIZE = 16;
/** SLAB_OBJ_MAX_NUM: the free-list index is one byte. */
const MAX_OBJECTS = 255;
/** slab_max_order with more than 32 MB of memory. */
const MAX_ORDER = 1;
const LARGEST_ORDER = 10;

interface Fit {
  readonly num: number;
  readonly order: number;
  readonly leftover: number;
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** cache_estimate: objects in a slab of the given order, and the bytes left over. */
function estimate(size: number, order: number, onSlab: boolean): { num: number; leftover: number } {
  const bytes = PAGE_SIZE * 2 ** order;
  const perObject = size + (onSlab ? 1 : 0);
  const num = Math.floor(bytes / perObject);
  return { num, leftover: bytes - num * perObject };
}

/** calculate_slab_order: the smallest order that wastes little enough, for one placement; undefined if none fits. */
function searchOrder(size: number, flags: number, placement: Placement): Fit | undefined {
  let best: Fit | undefined;
  for (let order = 0; order <= LARGEST_ORDER; order++) {
    const { num, leftover } = estimate(size, order, placement === 'on-slab');
    if (num === 0) continue;
    if (num > MAX_OBJECTS) break;
    // The index block of an off-slab cache comes from a kmalloc cache that must not be larger than half the object.
    if (placement === 'off-slab' && kmallocSize(num) > size / 2) break;
    best = { num, order, leftover };
    if ((flags & SlabFlag.reclaim) !== 0 || order >= MAX_ORDER || leftover * 8 <= PAGE_SIZE * 2 ** order) break;
  }
  return best;
}

function kmallocSize(bytes: number): number {
  let size = 32;
  while (size < bytes) size *= 2;
  return size;
}

/**
 * Geometry of a cache: sizes, placement of the free list, objects per slab. Models the placement and order search of
 * __kmem_cache_create (mm/slab.c 4.10, x86-64, no debugging).
 * @param objectSize bytes, 1 to 4 MB
 * @throws RangeError if no slab of any order can hold the object
 */
export function slabGeometry(objectSize: number, flags: number): Geometry {
  const align = objectAlignment(objectSize, flags);
  const size = Math.max(MIN_SIZE, roundUp(roundUp(objectSize, 8), align));
  const fits = (placement: Placement): Geometry | undefined => {
    const fit = searchOrder(size, flags, placement);
    if (fit === undefined) return undefined;
    if (placement === 'objfreelist' && fit.num > objectSize) return undefined;
    if (placement === 'off-slab' && fit.leftover >= fit.num) return undefined;
    return { size, num: fit.num, order: fit.order, placement, colours: Math.floor(fit.leftover / Math.max(64, align)) };
  };
  const untouchable = (flags & (SlabFlag.ctor | SlabFlag.destroyByRcu)) !== 0;
  const geometry = (untouchable ? undefined : fits('objfreelist')) ?? fits('off-slab') ?? fits('on-slab');
  if (geometry === undefined) throw new RangeError(`no slab holds objects of ${objectSize} bytes`);
  return Object.freeze(geometry);
}
