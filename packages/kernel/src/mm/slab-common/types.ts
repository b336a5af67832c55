import type { Handle, ObjectRef } from '@kmemlab/machine';
import type { Geometry } from './geometry.js';

/** struct kmem_cache at its home node, without what is published or per node. */
export interface KmemCache {
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

/** What kmem_cache_create is asked for. */
export interface CacheSpec {
  readonly name: string;
  /** bytes */
  readonly objectSize: number;
  readonly flags: number;
}
