import type { Coroutine, Handle } from '@kmemlab/machine';
import type { KernelConfig } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { kmemCacheShrink } from './shrink.js';

/** What an allocator does with a cache whose memcg goes offline (4.12 and later). Both halves run under slab_mutex. */
export interface Deactivation {
  /** __kmemcg_cache_deactivate, while the memcg goes offline. */
  readonly now: (cpu: Cpu, cache: Handle) => Coroutine<unknown>;
  /** __kmemcg_cache_deactivate_after_rcu, once a grace period is over; null if nothing is left to do. */
  readonly afterGp: ((cpu: Cpu, cache: Handle) => Coroutine<void>) | null;
}

/** SLAB: shrink at once. */
const slabDeactivation: Deactivation = { now: kmemCacheShrink, afterGp: null };

export const deactivationOf = (_config: KernelConfig): Deactivation => slabDeactivation;
