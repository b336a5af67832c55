import type { Handle, ObjectRef } from '@kmemlab/machine';
import type { PercpuRef } from '../../percpu-ref/percpu-ref.js';
import type { Geometry } from './geometry.js';

/** What is said of a cache when it is made. */
export interface CacheDescription {
  readonly name: string;
  readonly objectSize: number;
  readonly flags: number;
  readonly geometry: Geometry;
  /** Root cache of a memcg cache, 0 for a root. */
  readonly root: Handle;
  /** memcg of a memcg cache, 0 for a root. */
  readonly memcg: Handle;
  /** The slab object that holds this descriptor; 0 for caches made before kmem_cache itself. */
  readonly descriptor: ObjectRef;
}

/** What a node has of a cache, as /proc/slabinfo shows it (struct slabinfo). */
export interface SlabCounts {
  readonly slabs: number;
  readonly objects: number;
  readonly freeSlabs: number;
  readonly freeObjects: number;
  /** Objects in the node's shared array. */
  readonly shared: number;
}

/** What a memcg cache's embedded work item is to do, once it runs (memcg_params.work_fn, 5.3). */
export type CacheWorkName = 'none' | 'kmemcg_cache_deactivate_after_rcu' | 'kmemcg_cache_shutdown_fn';

/** struct kmem_cache at its home node, without what is published or per node. */
export interface KmemCache extends Omit<CacheDescription, 'memcg'> {
  /** memcg of a memcg cache, 0 for a root; another one after reparenting (5.3). */
  memcg: Handle;
  /** Of a root: it is being destroyed (5.2 and later). */
  dying: boolean;
  /** Of a memcg cache whose pages hold it (5.3). */
  readonly ref: PercpuRef;
  /** The work item in a memcg cache (4.12 and later), which shares its memory with an RCU head; 0 while it is none. */
  work: Handle;
  workFn: CacheWorkName;
}

/** Why a cache is destroyed: with its memcg, or as a root cache or a child of one. */
export type Destruction = 'memcg' | 'root';

/** What kmem_cache_create is asked for. */
export interface CacheSpec {
  readonly name: string;
  /** bytes */
  readonly objectSize: number;
  readonly flags: number;
}
