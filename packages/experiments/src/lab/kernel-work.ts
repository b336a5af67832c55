/** Kernel functions whose calls are progress, also while a single system call or the work behind it takes long. */
const PROGRESS = [
  'cpu_up',
  'caches_created',
  'memcg_kmem_cache_create_func',
  'do_tune_cpucache',
  'kmem_cache_shrink',
  'css_offline',
  'css_released',
  'caches_destroyed',
  'memcg_freed',
] as const;

/** Machine time without progress after which a run is stuck, ns: the kernel's own stall timeout. */
export const STALL_NS = 21e9;

/** How much of the kernel's own work a counter source has done: grows while it gets on. */
export const kernelWork = (get: (name: string) => number): number => PROGRESS.reduce((sum, name) => sum + get(name), 0);
