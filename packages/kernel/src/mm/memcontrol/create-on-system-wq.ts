import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { memcgCacheId, memcgKmemIsActive } from '../../published-state.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { type Allocation, type Chosen, slabAllocFrom } from '../slab-common/alloc.js';
import { createCache } from '../slab-common/create.js';
import { kmemCacheFree } from '../slab-common/free.js';
import { describeRoot, freeCreateWork, readCreateWork } from './cache-create.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';
import { memcgRegisterCache } from './register-cache.js';

/** The cache that a struct create_work comes from: two pointers and a work item. */
const ITEM_CACHE = 'kmalloc-64';

const allocateItem = defineHandler(
  'memcg.allocateCreateItem',
  (node, args: { memcg: Handle; root: Handle; memory: Allocation }): Handle => {
    const create = { ...args, work: 0 };
    const data = node.createWorks.allocate(create);
    const fn = 'memcg_create_cache_work_func';
    create.work = node.works.allocate({ fn, data, once: false, pending: false, lastCpu: -1 });
    return create.work;
  },
);

/** What the name of a memcg cache is made of (3.14): kmemcg_id, which is used again, and the cgroup's name. */
const memcgNameById = defineHandler('memcg.nameById', (node, args: { css: Handle }, context): string => {
  const css = node.csses.get(args.css, context.step);
  return `${css.memcg?.kmemcgId ?? 0}:${css.name}`;
});

/**
 * Who pays in 3.14: every allocation of a user task in process context is its memcg's, if that is kmem-active and the task
 * does not skip accounting. The model has neither fatal signals nor __GFP_NOFAIL.
 */
export function activePayer(cpu: Cpu): Handle {
  const memcg = cpu.accountedMemcg();
  return memcg !== 0 && memcgKmemIsActive(cpu.published, memcg) ? memcg : 0;
}

/**
 * __memcg_kmem_get_cache (3.14): the memcg's cache, without any reference: it is there as long as the task is in the memcg.
 * Until it exists the root serves, and every miss has it created.
 */
export function* memcgKmemGetCacheUnreferenced(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Chosen> {
  const id = memcgCacheId(cpu.published, memcg);
  const cache = yield* call(cacheFromMemcgIdx, cpu, root, id);
  if (cache !== 0) return { cache, held: 0 };
  cpu.counters.add('unaccounted_allocations');
  if (yield* call(cssTrygetOnline, cpu, memcg)) yield* call(cpu.build.policies.memcg.scheduleCreate, cpu, memcg, root);
  return { cache: root, held: 0 };
}

/**
 * memcg_create_cache_enqueue (3.14): an item on the version's creation queue, i.e. on this CPU; its memory is not accounted. The caller's css
 * reference goes with the item. Without memory nothing happens.
 */
export function* scheduleCreateOnSystemWq(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  const cache = cpu.rootCache(ITEM_CACHE);
  cpu.accounting.skip(cpu.taskId, 1);
  const object = yield* call(slabAllocFrom, cpu, cache);
  cpu.accounting.skip(cpu.taskId, -1);
  if (object === 0) {
    yield* call(cssPut, cpu, memcg);
    return;
  }
  const item = yield* request(cpu.node, allocateItem, { memcg, root, memory: { object, cache } });
  yield* call(queueWork, cpu, cpu.build.policies.memcg.creationQueue ?? 'system_wq', item);
}

/**
 * memcg_create_kmem_cache (3.14): one creation at a time by a private mutex; then the hotplug lock and slab_mutex. Leaves if
 * the cache exists, but never asks whether the memcg is still online (V0-e). Failure is silent.
 */
function* memcgCreateKmemCache(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'memcg_cache_mutex');
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const id = memcgCacheId(cpu.published, memcg);
  if ((yield* call(cacheFromMemcgIdx, cpu, root, id)) === 0) {
    const { name, objectSize, flags } = yield* request(homeOf(root), describeRoot, { root }, root);
    const suffix = yield* request(homeOf(memcg), memcgNameById, { css: memcg }, memcg);
    const cache = yield* call(createCache, cpu, { name: `${name}(${suffix})`, objectSize, flags }, root, memcg);
    if (cache !== 0) {
      yield* call(memcgRegisterCache, cpu, memcg, root, cache);
      cpu.counters.add('memcg_caches_created');
    }
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  yield* call(mutexUnlock, cpu, 'memcg_cache_mutex');
}

/** memcg_create_cache_work_func (3.14): create, put the css, free the item. */
defineFunction('work', 'memcg_create_cache_work_func', function* memcgCreateCacheWorkFunc(cpu, data) {
  const { memcg, root, memory } = yield* request(homeOf(data), readCreateWork, { data }, data);
  yield* call(memcgCreateKmemCache, cpu, memcg, root);
  yield* call(cssPut, cpu, memcg);
  yield* request(homeOf(data), freeCreateWork, { data }, data);
  if (memory !== undefined) yield* call(kmemCacheFree, cpu, memory.cache, memory.object);
});
