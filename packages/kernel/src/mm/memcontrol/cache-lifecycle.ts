import type { PolicyWord } from '../../policy-words.js';

/** In what the posted and the merged form of "reparent slab memory on cgroup removal" differ: mm/slab_common.c, mm/slab.h, mm/memcontrol.c. */
export interface CacheLifecycle {
  /** How the lookup takes its reference on a cache: of a killed one, too (plain), or not (live). */
  readonly tryget: PolicyWord<'memcg.lifecycle.tryget'>;
  /** The way out of the lookup ends its read section, or begins it once more (posted, V5p-a). */
  readonly leaveLookup: PolicyWord<'memcg.lifecycle.leaveLookup'>;
  /** memcg_kmem_wq_lock leaves interrupts as they are (posted, V5p-c), or turns them off. */
  readonly wqLock: PolicyWord<'memcg.lifecycle.wqLock'>;
  /** The dying mark is read under slab_mutex when a memcg goes offline (posted), or under memcg_kmem_wq_lock. */
  readonly dyingGuard: PolicyWord<'memcg.lifecycle.dyingGuard'>;
  /** The release queues the shutdown at once (merged), or has it queued after a grace period. */
  readonly shutdown: PolicyWord<'memcg.lifecycle.shutdown'>;
  /** The worker clears work_fn once that has returned (posted, V5p-d). */
  readonly clearsWorkFn: boolean;
  /** Slabs of caches that have come to the root memcg are charged to it like to any other (posted, V5p-g), or to nobody. */
  readonly chargesRoot: boolean;
  /** A cache that is shut down forgets its memcg (merged); pages that go later then find none to uncharge. */
  readonly unlinkForgets: boolean;
  /** The slab statistics of a memcg are flushed to its ancestors when it goes offline and when it is freed (merged). */
  readonly flushesStatistics: boolean;
}

/** As merged in 5.3. */
export const mergedLifecycle: CacheLifecycle = {
  tryget: 'plain',
  leaveLookup: 'unlock',
  wqLock: 'irqsave',
  dyingGuard: 'memcg_kmem_wq_lock',
  shutdown: 'queued',
  clearsWorkFn: false,
  chargesRoot: false,
  unlinkForgets: true,
  flushesStatistics: true,
};

/** As posted in v4 of the series. */
export const postedLifecycle: CacheLifecycle = {
  tryget: 'plain',
  leaveLookup: 'lock',
  wqLock: 'plain',
  dyingGuard: 'slab_mutex',
  shutdown: 'afterGracePeriod',
  clearsWorkFn: true,
  chargesRoot: true,
  unlinkForgets: false,
  flushesStatistics: false,
};
