import { type Coroutine, call, type Handle, request, VerdictError } from '@kmemlab/machine';
import { cssGet, cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { CacheField, memcgCacheId } from '../../published-state.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineHandler } from '../../registry.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { shouldFailslab } from '../failslab.js';
import { SlabFlag } from '../slab/types.js';
import type { Chosen } from '../slab-common/alloc.js';

/** kmalloc of a memcg_kmem_cache_create_work with its work item, at this node. */
const allocateCreateWork = defineHandler(
  'memcg.allocateCreateWork',
  (node, args: { memcg: Handle; root: Handle }): Handle => {
    const create = { ...args, work: 0 };
    const data = node.createWorks.allocate(create);
    const fn = 'memcg_kmem_cache_create_func';
    create.work = node.works.allocate({ fn, data, once: false, pending: false, lastCpu: -1 });
    return create.work;
  },
);

/** Between reading a root's memcg_caches pointer and an entry of the array it points to, in a read section. */
export const LOADED_MEMCG_CACHES = definePoint('cache_from_memcg_idx:loaded-memcg_caches');

/** Entry of the root's memcg_caches array for this id, 0 if the cache does not exist (yet). An RCU read section. */
export function* cacheFromMemcgIdx(cpu: Cpu, root: Handle, id: number): Coroutine<Handle> {
  const { caches, memcgArrays } = cpu.published;
  rcuReadLock(cpu);
  const array = caches.read(root, CacheField.memcgCaches);
  if (cpu.instrumented) {
    const changed = () => caches.read(root, CacheField.memcgCaches) !== array;
    const gone = () => array !== 0 && memcgArrays.lengthOf(array) === 0;
    yield* call(preemptionPoint, cpu, LOADED_MEMCG_CACHES, root, { changed, gone });
  }
  const cache = entryOf(cpu, array, id);
  rcuReadUnlock(cpu);
  return cache;
}

function entryOf(cpu: Cpu, array: Handle, id: number): Handle {
  const { memcgArrays } = cpu.published;
  if (array === 0 || memcgArrays.lengthOf(array) > 0) return memcgArrays.read(array, id);
  const detail = 'the array was freed before a grace period had passed';
  const object = `memcg_caches array ${array}`;
  throw new VerdictError({ class: 'use-after-free', id: 'use-after-free', object, steps: [cpu.step()], detail });
}

/** Who pays for an allocation since 4.5: the running task's memcg, if the cache or the call is accounted; else nobody, 0. */
export const optInPayer = (cpu: Cpu, flags: number, account: boolean): Handle =>
  account || (flags & SlabFlag.account) !== 0 ? cpu.accountedMemcg() : 0;

/**
 * memcg_kmem_get_cache (4.10): the cache from which an accounted allocation of the running task is served. Evaluates to
 * the root itself for the root memcg or while the memcg's cache does not exist; every such miss queues a creation. A
 * memcg cache comes with a css reference that memcgKmemPutCache drops.
 */
export function* memcgKmemGetCache(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Chosen> {
  const unaccounted = { cache: root, held: 0 };
  if (!(yield* call(cssTrygetOnline, cpu, memcg))) return unaccounted;
  const id = memcgCacheId(cpu.published, memcg);
  const cache = id < 0 ? root : yield* call(cacheFromMemcgIdx, cpu, root, id);
  if (cache !== 0 && cache !== root) {
    cpu.counters.add('accounted_allocations');
    return { cache, held: memcg };
  }
  if (cache === 0) {
    cpu.counters.add('unaccounted_allocations');
    yield* call(cpu.build.policies.memcg.scheduleCreate, cpu, memcg, root);
  }
  yield* call(cssPut, cpu, memcg);
  return unaccounted;
}

/** memcg_kmem_put_cache (4.10). */
export function* memcgKmemPutCache(cpu: Cpu, { held }: Chosen): Coroutine<void> {
  yield* call(cssPut, cpu, held);
}

/** kmalloc of a creation item, GFP_NOWAIT: 0 if there is no memory. */
export function* allocateCreateItem(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<Handle> {
  if (yield* call(shouldFailslab, cpu)) return 0;
  return yield* request(cpu.node, allocateCreateWork, { memcg, root });
}

/** __memcg_schedule_kmem_cache_create (4.10): an item, which holds a css reference, on the version's creation queue. */
export function* scheduleCreate(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  const { allocateItem, creationQueue } = cpu.build.policies.memcg;
  const item = yield* call(allocateItem, cpu, memcg, root);
  if (item === 0 || creationQueue === null) return;
  yield* call(cssGet, cpu, memcg);
  yield* call(queueWork, cpu, creationQueue, item);
}

/**
 * memcg_schedule_kmem_cache_create (5.3): the css reference comes first, since the lookup holds none. It leaks if there is no
 * memory for the item (V5p-b).
 */
export function* trygetAndScheduleCreate(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  const { allocateItem, creationQueue } = cpu.build.policies.memcg;
  if (!(yield* call(cssTrygetOnline, cpu, memcg))) return;
  const item = yield* call(allocateItem, cpu, memcg, root);
  if (item !== 0 && creationQueue !== null) yield* call(queueWork, cpu, creationQueue, item);
}
