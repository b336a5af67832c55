import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { allocChargedPages, type ChargedPages } from '../memcontrol/charge-page.js';
import { PAGE_SIZE } from '../memcontrol/limits.js';
import { type Allocation, kmemCacheAlloc } from './alloc.js';
import { kmemCacheFree } from './free.js';

/** Sizes of the kmalloc caches, bytes; the smallest exist with SLUB only. */
const SIZES = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];

/** kmalloc: from the smallest cache that is large enough; charged as the version charges it. Process context. */
export function* kmalloc(cpu: Cpu, bytes: number): Coroutine<Allocation> {
  const size = SIZES.find((fits) => fits >= bytes && cpu.published.roots.get(`kmalloc-${fits}`) !== 0);
  if (size === undefined) throw new RangeError(`no kmalloc cache for ${bytes} bytes`);
  return yield* call(kmemCacheAlloc, cpu, `kmalloc-${size}`);
}

/**
 * kmalloc_large (SLUB): what is larger than two pages comes from the page allocator. Null if there is no memory or the charge is
 * denied. SLAB has caches for these sizes, which the model leaves out. Process context.
 */
export function* kmallocLarge(cpu: Cpu, bytes: number): Coroutine<ChargedPages | null> {
  const order = 32 - Math.clz32(Math.ceil(bytes / PAGE_SIZE) - 1);
  return yield* call(allocChargedPages, cpu, order, 'kmalloc_large');
}

/** kfree, also of what could not be allocated. Any context. */
export function* kfree(cpu: Cpu, { object, cache }: Allocation): Coroutine<void> {
  if (object !== 0) yield* call(kmemCacheFree, cpu, cache, object);
}
