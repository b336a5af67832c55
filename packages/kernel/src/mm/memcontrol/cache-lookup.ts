import { type Coroutine, call, type Handle, request, VerdictError } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { percpuRefGet, percpuRefPut, percpuRefTrygetLive } from '../../percpu-ref/percpu-ref.js';
import { CacheField, CssField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { queueWork } from '../../workqueue/workqueue.js';

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

/** Entry of the root's memcg_caches array for this id, 0 if the cache does not exist (yet). An RCU read section. */
export function cacheFromMemcgIdx(cpu: Cpu, root: Handle, id: number): Handle {
  const { caches, memcgArrays } = cpu.published;
  const array = caches.read(root, CacheField.memcgCaches);
  if (array === 0 || memcgArrays.lengthOf(array) > 0) return memcgArrays.read(array, id);
  const detail = 'the array was freed while a root cache still pointed to it';
  const object = `memcg_caches array ${array}`;
  throw new VerdictError({ class: 'use-after-free', id: 'use-after-free', object, steps: [cpu.step()], detail });
}

/**
 * memcg_kmem_get_cache (4.10): the cache from which an accounted allocation of the running task is served. Evaluates to
 * the root itself for the root memcg or while the memcg's cache does not exist; every such miss queues a creation. A
 * memcg cache comes with a css reference that memcgKmemPutCache drops.
 */
export function* memcgKmemGetCache(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Handle> {
  if (!(yield* call(percpuRefTrygetLive, cpu, memcg))) return root;
  const id = cpu.published.csses.read(memcg, CssField.kmemcgId) - 1;
  const cache = id < 0 ? root : cacheFromMemcgIdx(cpu, root, id);
  if (cache !== 0 && cache !== root) return cache;
  if (cache === 0) {
    cpu.counters.add('unaccounted_allocations');
    yield* call(cpu.build.policies.memcg.scheduleCreate, cpu, memcg, root);
  }
  yield* call(percpuRefPut, cpu, memcg);
  return root;
}

/** memcg_kmem_put_cache (4.10). */
export function* memcgKmemPutCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(percpuRefPut, cpu, cpu.published.caches.read(cache, CacheField.memcg));
}

/** __memcg_schedule_kmem_cache_create (4.10): a css reference and an item on the ordered creation queue. */
export function* scheduleCreateOrdered(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  const work = yield* request(cpu.node, allocateCreateWork, { memcg, root });
  yield* call(percpuRefGet, cpu, memcg);
  yield* call(queueWork, cpu, 'memcg_kmem_cache_create', work);
}
