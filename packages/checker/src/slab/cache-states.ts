import type { Handle, Step } from '@kmemlab/machine';

/** Releases remembered, so that a later use can name them. */
const RELEASES_KEPT = 1024;

/** What the checker knows of one cache. */
export interface CacheState {
  readonly cache: Handle;
  /** Slabs on its lists, on all nodes. */
  slabs: number;
  /** Slabs of an RCU-typed cache taken off the lists whose page callback has not run. */
  pagesPending: number;
  /** Step of __kmem_cache_release. */
  released: Step | undefined;
}

/** The caches in existence, and for a while those released. */
export class CacheStates {
  private readonly live = new Map<Handle, CacheState>();
  private readonly released = new Map<Handle, CacheState>();

  /** The state of a cache; of a released one if the handle is of that incarnation. */
  of(cache: Handle): CacheState {
    const state = this.live.get(cache) ?? this.released.get(cache);
    if (state !== undefined) return state;
    const fresh: CacheState = { cache, slabs: 0, pagesPending: 0, released: undefined };
    this.live.set(cache, fresh);
    return fresh;
  }

  release(state: CacheState, step: Step): void {
    state.released = step;
    this.live.delete(state.cache);
    this.released.set(state.cache, state);
    const [oldest] = this.released.keys();
    if (this.released.size > RELEASES_KEPT && oldest !== undefined) this.released.delete(oldest);
  }
}
