import { type Coroutine, call, type Handle, nodeOfObject, type ObjectRef } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField, Scalar } from '../../published-state.js';
import { Trace } from '../../tracepoints.js';
import type { Chosen } from '../slab-common/alloc.js';
import { objCgroupCharge, refillObjStock } from './byte-stock.js';
import { modObjcgState } from './lruvec-stats.js';
import { getObjCgroup, objCgroupGet, objCgroupPut } from './obj-cgroup.js';
import { setObjectOwner, takeObjectOwner } from './obj-vector.js';

/** obj_full_size (5.9): an object and its entry in the vector, bytes. */
const objFullSize = (cpu: Cpu, cache: Handle): number => cpu.published.caches.read(cache, CacheField.objectSize) + 8;

/**
 * memcg_slab_pre_alloc_hook (5.9): the root cache serves everybody; what the object will take is charged to the payer's
 * obj_cgroup. If a limit forbids it the object is handed out all the same, and nobody pays for it (V6-a).
 */
export function* memcgSlabPreAllocHook(cpu: Cpu, root: Handle, payer: Handle): Coroutine<Chosen> {
  const objcg = yield* call(getObjCgroup, cpu, payer);
  if (objcg === 0) return { cache: root, held: 0 };
  cpu.counters.add('accounted_allocations');
  if (yield* call(objCgroupCharge, cpu, objcg, objFullSize(cpu, root))) return { cache: root, held: objcg };
  cpu.counters.add('over_limit_allocations');
  yield* call(objCgroupPut, cpu, objcg);
  return { cache: root, held: 0 };
}

/** memcg_slab_post_alloc_hook (5.9): the object gets its owner, with a reference; without object or vector the bytes go back. */
export function* memcgSlabPostAllocHook(cpu: Cpu, { cache, held: objcg }: Chosen, object: ObjectRef): Coroutine<void> {
  yield* call(objCgroupGet, cpu, objcg);
  if (object !== 0 && (yield* call(setObjectOwner, cpu, cache, object, objcg))) {
    cpu.trace(Trace.objectAccount, object, objcg, objFullSize(cpu, cache), 0);
    yield* call(modObjcgState, cpu, objcg, cache, nodeOfObject(object), objFullSize(cpu, cache));
  } else {
    yield* call(refillObjStock, cpu, objcg, objFullSize(cpu, cache));
    yield* call(objCgroupPut, cpu, objcg);
  }
  yield* call(objCgroupPut, cpu, objcg);
}

/** memcg_slab_free_hook (5.9), before the allocator takes the object back: its owner gets the bytes, in this CPU's stock. */
export function* memcgSlabFreeHook(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  if (!kmemEnabled(cpu)) return;
  const objcg = yield* call(takeObjectOwner, object);
  if (objcg === 0) return;
  cpu.trace(Trace.objectUnaccount, object, objcg, objFullSize(cpu, cache), 0);
  yield* call(refillObjStock, cpu, objcg, objFullSize(cpu, cache));
  yield* call(modObjcgState, cpu, objcg, cache, nodeOfObject(object), -objFullSize(cpu, cache));
  yield* call(objCgroupPut, cpu, objcg);
}

/** memcg_kmem_enabled: a static branch that the first memcg switches on. */
const kmemEnabled = (cpu: Cpu): boolean => cpu.published.scalar(Scalar.memcgCacheIds) > 0;
