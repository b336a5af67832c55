import { SlabFlag } from '../mm/slab/types.js';
import type { CacheSpec } from '../mm/slab-common/types.js';
import { caches410 } from './caches-4.10.js';

const { account } = SlabFlag;

/** Root caches that are accounted in 5.9 and not in 4.10. */
const NEWLY_ACCOUNTED = new Set(['filp']);

/** Root caches of a 5.9 kernel in boot order; sizes in bytes as in `caches410`. There are no others: memcgs share them. */
export const caches59: readonly CacheSpec[] = [
  ...caches410.map((cache) => (NEWLY_ACCOUNTED.has(cache.name) ? { ...cache, flags: cache.flags | account } : cache)),
  { name: 'seq_file', objectSize: 120, flags: account },
  { name: 'pde_opener', objectSize: 40, flags: account },
];
