import { functionNames, rcuFlavours } from '@kmemlab/kernel';

/** Kernel functions that are called a limited number of times for each system call: every call of one is progress. */
const PROGRESS = [
  'cpu_up',
  'caches_created',
  'do_tune_cpucache',
  'synchronize_sched',
  'synchronize_rcu',
  'css_offline',
  'kmem_cache_shrink',
  'kmemcg_cache_deactivate_after_rcu',
  'kmemcg_cache_shutdown_fn',
  'css_released',
  'caches_destroyed',
  'memcg_freed',
] as const;

/** The work function that queues itself for ever in every kernel. */
const PERIODIC = 'cache_reap';

/** Machine time without progress after which a run is stuck, ns: the kernel's own stall timeout. */
export const STALL_NS = 21e9;

/** Begins the sentence about a run that is stuck. */
export const NO_PROGRESS = 'no system call of the script has returned, and no kernel work was done,';

/** How much of the kernel's own work a counter source has done. */
export interface KernelWork {
  /** Grows while the kernel gets on. */
  readonly done: number;
  /** Work items executed, less those queued: grows while a backlog shrinks, and not if an item only queues itself again. */
  readonly drained: number;
}

export function kernelWork(get: (name: string) => number): KernelWork {
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + get(name), 0);
  return { done: sum(PROGRESS), drained: sum(functionNames('work')) - get('queue_work') };
}

/** Times that each work function was executed, without those that run for ever anyway. */
export const workRuns = (get: (name: string) => number): Readonly<Record<string, number>> =>
  Object.fromEntries(
    functionNames('work')
      .filter((fn) => fn !== PERIODIC)
      .map((fn) => [fn, get(fn)]),
  );

/** How many grace periods of one flavour have begun and ended. */
export interface GracePeriodCounts {
  readonly begun: number;
  readonly ended: number;
}

/** Grace periods of each flavour, as the counters of the kthreads tell. */
export const gracePeriods = (get: (name: string) => number): readonly GracePeriodCounts[] =>
  rcuFlavours.map((name) => ({ begun: get(`${name}.begun`), ended: get(`${name}.ended`) }));
