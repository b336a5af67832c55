import { sumOf, type Totals } from './totals.js';

/** Counts that the schedule decides, and between what they must lie all the same. */
export interface Variation {
  readonly why: string;
  readonly counts: RegExp;
  /** Kernels in which it is so; all if absent. */
  readonly kernels?: RegExp;
  /** What the live machine may count where the deterministic one counts `sim`. */
  readonly bounds: (sim: number) => readonly [least: number, most: number];
}

const about = (factor: number, more: number) => (sim: number) =>
  [Math.floor(sim / factor) - more, Math.ceil(sim * factor) + more] as const;

const anyNumber = () => [0, Number.POSITIVE_INFINITY] as const;

/** Everywhere: what comes with time. */
export const withTime: Variation = {
  why: 'timers run on, and a reference is counted on its CPU until a grace period ends, which takes as long as it takes',
  counts: /^calls\.(cache_reap|queue_work|percpu_ref_\w+)$/,
  bounds: anyNumber,
};

export const wakeUps: Variation = {
  why: 'since 5.8 a wake-up on another CPU is a single call, and whether a task is woken from another CPU depends on where things run',
  counts: /^ipi\.(sent|received|merged|sameNode|crossNode)$/,
  kernels: /^v5\.9/,
  bounds: about(10, 100),
};

export const stocks: Variation = {
  why: 'a stock belongs to one owner at a time: how often it changes hands depends on which tasks and workers share a CPU',
  counts: /^calls\.drain_(obj_stock|stock|local_stock)$/,
  bounds: about(4, 20),
};

export const pagesOfTasks: Variation = {
  why: '3.14 charges a slab to the task that needs it: which task finds the CPU’s arrays empty depends on who came before it',
  counts: /^calls\.memcg_kmem_newpage_charge$/,
  kernels: /^v3\.14/,
  bounds: about(1.25, 4),
};

export const lag: Variation = {
  why: 'until a memcg’s cache exists each allocation asks for it again, and how long that is depends on the worker',
  counts:
    /^calls\.(memcg_kmem_cache_create_func|memcg_create_cache_work_func|hotplug_read_sections|(un)?accounted_allocations)$/,
  bounds: anyNumber,
};

export const callbacks: Variation = {
  why: 'a page of an RCU-typed cache, a dentry or an inode may be freed now or when its array is emptied, after the end',
  counts: /^calls\.call_rcu$/,
  bounds: about(1.25, 8),
};

export const reapedAgain: Variation = {
  why: 'in 3.14 the release of a dead cache’s last page queues its destroy work, unless it is queued already; a periodic reaper comes with time',
  counts:
    /^(ipi\.\w+|calls\.(hotplug_read_sections|kmem_cache_destroy_work_func|kmem_cache_shrink|\w*reap_dangling\w*))$/,
  kernels: /^v3\.14/,
  bounds: about(2, 20),
};

export const batches: Variation = {
  why: 'caches that are shut down while a barrier is waited for wait for the next one: how many there are depends on how long it takes',
  counts: /^calls\.(slab_caches_to_rcu_destroy_workfn|rcu_barrier\.\w+|hotplug_read_sections|cache_list_steps)$/,
  kernels: /^(v4\.12|v5|v4\.10\+async)/,
  bounds: about(2, 4),
};

export const walksPast: Variation = {
  why: 'in 4.10 whoever looks for the caches of a memcg walks past all others, those of a removed memcg, too, until they are destroyed',
  counts: /^calls\.cache_list_steps$/,
  kernels: /^v4\.10/,
  bounds: about(1.25, 4),
};

export const fallsAsleep: Variation = {
  why: 'a task that has not come to its allocation when memory is there again has nothing that could be charged to another memcg',
  counts: /^calls\.mischarged_pages$/,
  bounds: (sim) => [0, sim],
};

/** What an experiment counts besides, where memcgs may be pinned or not. */
export const pins: Variation = {
  why: 'an object that was made before its memcg’s cache existed pins nobody: so which memcgs go, with all their caches, depends on the lag',
  counts:
    /^(memcg\.(dying|freed)|caches\.(destroyed|live|dead)|ipi\.\w+|calls\.(css_\w+|kmem_cache_shrink|shutdown_cache|kmem_cache_destroy_work_func|kmemcg_\w+|do_tune_cpucache|cache_list_steps|sysfs_slab_remove(_workfn)?|kobject_uevent|memcg_caches_reparented|objcg_\w+|call_rcu|rcu_barrier\.\w+|slab_caches_to_rcu_destroy_workfn|page_counter_underflow|kfree_rcu))$/,
  bounds: about(3, 100),
};

export const pinnedIds: Variation = {
  why: '3.14 frees a memcg’s index, after another look at its charges, when nothing pins it any more',
  counts: /^calls\.(memcg_free_cache_id|lru_add_drain_all|synchronize_sched)$/,
  kernels: /^v3\.14/,
  bounds: about(2, 10),
};

export const tunesWhatIsThere: Variation = {
  why: 'a write to slabinfo tunes, or a shrink meets, the caches that are there at that moment; drop_caches drops what is unused',
  counts:
    /^calls\.(kick_all_cpus_sync|synchronize_sched|do_tune_cpucache|dentries_shrunk|memcg_drain_all_list_lrus|over_limit_allocations)$/,
  bounds: about(3, 20),
};

export const inodesAgain: Variation = {
  why: 'an inode whose dentry was dropped is read again: where that happens in a memcg, it has one more cache',
  counts: /^(caches\.created|calls\.(sysfs_slab_add|memcg_update_all_\w+))$/,
  bounds: about(1.25, 4),
};

export const busyTasks: Variation = {
  why: 'other tasks make files for as long as the writes take',
  counts: /^calls\.(call_rcu|hotplug_read_sections)$/,
  bounds: anyNumber,
};

export const sharedBarriers: Variation = {
  why: 'callers of rcu_barrier and of expedited grace periods may share one, only CPUs with callbacks, or that are not idle, are called, and tasks elsewhere may not have come to their last round',
  counts: /^(ipi\.\w+|calls\.(rcu_barrier\.\w+|synchronize_\w+(\.\w+)?|hotplug_read_sections))$/,
  bounds: anyNumber,
};

/** Whether the counts of a run fit together, whatever the schedule: a line for each that do not. */
export function misfits(totals: Totals): string[] {
  const laws: readonly (readonly [string, boolean])[] = [
    ['every interrupt that was sent was received', sumOf(totals, 'ipi.sent') === sumOf(totals, 'ipi.received')],
    [
      'caches that exist, in use or dead, are those that were made and not destroyed',
      sumOf(totals, 'caches.created') - sumOf(totals, 'caches.destroyed') ===
        sumOf(totals, 'caches.live', 'caches.dead'),
    ],
    [
      'no more memcgs are dying or freed than were made',
      sumOf(totals, 'memcg.dying', 'memcg.freed') <= sumOf(totals, 'memcg.created'),
    ],
  ];
  return laws.filter(([, holds]) => !holds).map(([law]) => law);
}
