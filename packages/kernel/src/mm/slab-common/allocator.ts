import type { Coroutine, Handle, ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Tunables } from '../slab/types.js';
import type { Geometry } from './geometry.js';
import type { SlabCounts } from './types.js';

/**
 * What a slab allocator does for the code that both share (mm/slab.h): SLAB and SLUB each have one of these, and a build
 * has the one that its configuration names. The memcg hooks and the lists of caches are not its business.
 */
export interface SlabAllocator {
  readonly name: 'slab' | 'slub';
  /** How objects of this size lie in a slab (calculate_sizes, calculate_slab_order). @param objectSize bytes */
  readonly geometry: (objectSize: number, flags: number, possibleCpus: number) => Geometry;
  /** slab_alloc: an object of exactly this cache from this CPU's node. 0 if there is no memory or it may not be charged. */
  readonly alloc: (cpu: Cpu, cache: Handle) => Coroutine<ObjectRef>;
  /** The same from a given node. */
  readonly allocNode: (cpu: Cpu, cache: Handle, node: number) => Coroutine<ObjectRef>;
  /** Give an object back to the cache its page belongs to. Any context. */
  readonly free: (cpu: Cpu, cache: Handle, object: ObjectRef) => Coroutine<void>;
  /**
   * The allocator's own part of a new cache; false if the cache cannot be made, and then nothing is left of that part. Caller
   * holds slab_mutex; nobody else can reach the cache yet.
   */
  readonly setup: (cpu: Cpu, cache: Handle) => Coroutine<boolean>;
  /** What the caches made so far get once the system is up. */
  readonly initLate: (cpu: Cpu, caches: readonly Handle[]) => Coroutine<void>;
  /** __kmem_cache_shrink: give back all memory that no object needs. Evaluates to true if no slab is left. */
  readonly shrink: (cpu: Cpu, cache: Handle) => Coroutine<boolean>;
  /** __kmem_cache_shutdown: empty the cache; false if objects are left. Caller holds slab_mutex. */
  readonly shutdown: (cpu: Cpu, cache: Handle) => Coroutine<boolean>;
  /** The end of shutdown_cache (4.12 and later): what others can still find the cache by goes at once. Caller holds slab_mutex. */
  readonly unlink: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** The cache is about to be released: evaluates to false if somebody else will release it, who still refers to it. Null if there is nobody. */
  readonly beforeRelease: ((cpu: Cpu, cache: Handle) => Coroutine<boolean>) | null;
  /** __kmem_cache_release: what `setup` made goes. No page callback of the cache may be pending. */
  readonly release: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** get_slabinfo: counts of a cache, node by node. */
  readonly slabinfo: (cpu: Cpu, cache: Handle) => Coroutine<SlabCounts[]>;
  /** do_tune_cpucache: new tunables for a cache. Caller holds slab_mutex. Null if the allocator has no tunables. */
  readonly tune: ((cpu: Cpu, cache: Handle, tunables: Tunables) => Coroutine<void>) | null;
  /** What a CPU starts when it comes up: cache_reap of SLAB, nothing of SLUB. */
  readonly startCpu: (cpu: Cpu) => Coroutine<void>;
  /** Before another CPU comes up again, on the CPU that brings it up, with cpu_hotplug held for writing. */
  readonly prepareCpu: (cpu: Cpu, starting: number) => Coroutine<void>;
  /** After another CPU has died, on the CPU that took it down: its objects go back. cpu_hotplug is held for writing. */
  readonly deadCpu: (cpu: Cpu, dead: number) => Coroutine<void>;
}
