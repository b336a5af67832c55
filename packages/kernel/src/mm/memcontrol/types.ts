import type { Handle } from '@kmemlab/machine';
import type { MemcgVm } from './vm.js';

/**
 * page_counter (4.10), in pages; lock-free in the kernel, one handler per atomic operation here. res_counter (3.14), in
 * bytes; one handler per section under its spinlock.
 */
export interface PageCounter {
  usage: number;
  limit: number;
  max: number;
  failures: number;
}

export type CounterName = 'memory' | 'kmem';

/** kmem_state (4.10): never active, active with an id, offline but possibly with caches. */
export type KmemState = 'none' | 'online' | 'allocated';

/** The memory controller's part of a css. */
export interface Memcg {
  kmemState: KmemState;
  /** Index in all memcg_caches arrays while online, −1 without. */
  kmemcgId: number;
  /** css.serial_nr: unique for ever, part of the caches' names. */
  readonly serial: number;
  readonly counters: Record<CounterName, PageCounter>;
  /** The css whose counters contain this one's, 0 without use_hierarchy. */
  readonly counterParent: Handle;
  /** obj_cgroups of dead descendants (5.9), under css_set_lock; each holds a css reference. */
  readonly inherited: Set<Handle>;
  /** Who pays for the memcg's percpu statistics (5.9), 0 for nobody. */
  readonly statisticsOwner: Handle;
  /** Counters of children made from now on are contained in this one's. */
  useHierarchy: boolean;
  /** Caches that are registered with the memcg (memcg_slab_caches), in order; 3.14 only. */
  readonly slabCaches: Handle[];
  /** That list is initialised (INIT_LIST_HEAD); 3.14 only. */
  cacheListReady: boolean;
  /** Caches of memcgs that are gone are or were on it (reparent-2014). */
  hasAdopted: boolean;
  /** KMEM_ACCOUNTED_DEAD (3.14): the offline memcg holds itself until its kmem usage is 0. */
  kmemDead: boolean;
  readonly vm: MemcgVm;
}

/** PAGE_COUNTER_MAX: LONG_MAX in pages. */
export const UNLIMITED = 2 ** 51 - 1;

export const newCounter = (): PageCounter => ({ usage: 0, limit: UNLIMITED, max: 0, failures: 0 });
