import { PAGE_SIZE } from '../page.js';
import { SlabFlag } from '../slab/types.js';
import { type Geometry, objectAlignment } from '../slab-common/geometry.js';

/** slub_max_order = PAGE_ALLOC_COSTLY_ORDER. */
const MAX_ORDER = 3;
const LARGEST_ORDER = 10;
/** MAX_OBJS_PER_PAGE is 32767 in the kernel; a slab object's name has room for this many (see machine/src/handle.ts). */
const MAX_OBJECTS = 256;
/** Waste that is tolerated, as a fraction of the slab: from a sixteenth to a quarter. */
const FRACTIONS = [16, 8, 4] as const;
const MIN_PARTIAL = { least: 5, most: 10 } as const;

const slabBytes = (order: number): number => PAGE_SIZE * 2 ** order;

/** fls: position of the highest bit set, counted from 1; also ilog2 + 1. */
const fls = (value: number): number => 32 - Math.clz32(value);

/** get_order: the smallest order that holds so many bytes. */
export function orderOf(bytes: number): number {
  let order = 0;
  while (slabBytes(order) < bytes) order++;
  return order;
}

/** Objects of `size` bytes in a slab of 2^order pages. */
export const objectsIn = (order: number, size: number): number =>
  Math.min(MAX_OBJECTS, Math.floor(slabBytes(order) / size));

/** slab_order: the smallest order that holds `objects` and wastes at most 1/fraction of the slab; above `most` if none does. */
function slabOrder(size: number, objects: number, most: number, fraction: number): number {
  let order = orderOf(objects * size);
  while (order <= most && slabBytes(order) % size > slabBytes(order) / fraction) order++;
  return order;
}

/** calculate_order (mm/slub.c 4.10): from four objects a CPU doubling downwards, first with little waste, then with more. */
function calculateOrder(size: number, possibleCpus: number): number {
  const wanted = Math.min(4 * (fls(possibleCpus) + 1), Math.floor(slabBytes(MAX_ORDER) / size));
  for (let objects = wanted; objects > 1; objects--) {
    for (const fraction of FRACTIONS) {
      const order = slabOrder(size, objects, MAX_ORDER, fraction);
      if (order <= MAX_ORDER) return order;
    }
  }
  return orderOf(size);
}

/**
 * calculate_sizes (mm/slub.c 4.10, x86-64, no debugging): the free pointer lies in the object unless a constructor or RCU
 * readers need what is there.
 * @param objectSize bytes, 1 to 4 MB
 * @throws RangeError if no slab of any order can hold the object
 */
export function slubGeometry(objectSize: number, flags: number, possibleCpus: number): Geometry {
  const word = 8;
  const behind = (flags & (SlabFlag.ctor | SlabFlag.destroyByRcu)) !== 0;
  const align = objectAlignment(objectSize, flags);
  const inner = Math.ceil(objectSize / word) * word + (behind ? word : 0);
  const size = Math.ceil(inner / align) * align;
  const order = calculateOrder(size, possibleCpus);
  if (order > LARGEST_ORDER) throw new RangeError(`no slab holds objects of ${objectSize} bytes`);
  const placement = behind ? 'behind-object' : 'in-object';
  return Object.freeze({ size, num: objectsIn(order, size), order, placement, colours: 0 });
}

/** Slabs that a node keeps although they are empty (set_min_partial). @param size bytes of one object after alignment */
export const defaultMinPartial = (size: number): number =>
  Math.max(MIN_PARTIAL.least, Math.min(MIN_PARTIAL.most, Math.floor((fls(size) - 1) / 2)));

/** Free objects that a CPU's partial list may hold (kmem_cache_open). @param size bytes of one object after alignment */
export const defaultCpuPartial = (size: number): number =>
  size >= PAGE_SIZE ? 2 : size >= 1024 ? 6 : size >= 256 ? 13 : 30;
