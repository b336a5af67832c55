import type { Patch } from '../../build.js';
import { asyncRcuBarrier } from './async-rcu-barrier.js';
import { deactivateByCallRcu } from './deactivate-by-call-rcu.js';
import { earlySysfsRemoval } from './early-sysfs-removal.js';
import { memcgKmemCacheWq } from './memcg-kmem-cache-wq.js';
import { optionalMemcgSysfs } from './optional-memcg-sysfs.js';
import { perMemcgCacheLists } from './per-memcg-cache-lists.js';
import { splitSysfsRelease } from './split-sysfs-release.js';
import { syncSchedInSlabMutex } from './sync-sched-in-slab-mutex.js';

/**
 * The series "slab: make memcg slab destruction scalable" (Tejun Heo, linux-mm, 2017) in its order, and a patch of its author that
 * came beside it. Each can be applied to 4.10 alone; all of them and avoid-kick-on-create are what 4.12 does.
 */
export const scalableDestruction: readonly Patch[] = [
  syncSchedInSlabMutex,
  splitSysfsRelease,
  asyncRcuBarrier,
  perMemcgCacheLists,
  deactivateByCallRcu,
  earlySysfsRemoval,
  memcgKmemCacheWq,
  optionalMemcgSysfs,
];
