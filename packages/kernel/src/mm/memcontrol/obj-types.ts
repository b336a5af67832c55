import type { Handle, ObjectRef } from '@kmemlab/machine';
import type { PercpuRef } from '../../percpu-ref/percpu-ref.js';

/** struct obj_cgroup (5.9) at its home, without what is published: the mode of its reference count and its memcg. */
export interface ObjCgroup {
  readonly ref: PercpuRef;
  /** nr_charged_bytes: charged, but owned by no object and in no stock. An atomic counter. */
  nrChargedBytes: number;
}

/** page->obj_cgroups (5.9): who pays for each object of a slab block, at the block's home. It lives as long as the block. */
export interface ObjVector {
  /** The kmalloc object that holds the vector, and its cache. */
  readonly object: ObjectRef;
  readonly cache: Handle;
  /** obj_cgroup by slot, 0 for an object that nobody pays for. */
  readonly owners: Handle[];
}
