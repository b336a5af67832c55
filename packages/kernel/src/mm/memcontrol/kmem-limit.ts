import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll, work } from '@kmemlab/machine';
import { readCss } from '../../cgroup/handlers.js';
import type { Cpu } from '../../cpu.js';
import { EBUSY } from '../../fs/types.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CssField, memcgKmemIsActive } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { walkForMemcg } from '../slab-common/cache-list.js';
import { allocateId, growArrays } from './cache-ids.js';
import { publishKmem, setKmem } from './lifecycle.js';
import { type LimitOperations, setLimit } from './limits.js';
import { parseByteLimit, showByteLimit } from './res-counter.js';
import { type CounterName, UNLIMITED } from './types.js';

/** cgroup_task_count and memcg_has_children. */
const isPopulated = defineHandler('cgroup.isPopulated', (node, args: { self: Handle }, context): boolean => {
  const { tasks, subdirectories } = node.cgroup(args.self, context.step);
  return tasks > 0 || subdirectories.size > 0;
});

const initCacheList = defineHandler('memcg.initCacheList', (node, args: { css: Handle }, context): void => {
  node.memcg(args.css, context.step).cacheListReady = true;
});

/**
 * memcg_update_all_caches (3.14): slab_mutex and a walk along all caches at every activation; the arrays of the roots are
 * replaced only if they are too small.
 */
function* memcgUpdateAllCaches(cpu: Cpu, id: number): Coroutine<void> {
  cpu.counters.add('memcg_update_all_caches');
  yield* call(mutexLock, cpu, 'slab_mutex');
  const { total } = yield* request(BOOT_NODE, walkForMemcg, { memcg: 0 });
  yield* work(total * cpu.costs['list.step']);
  yield* call(growArrays, cpu, id);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}

/**
 * __memcg_activate_kmem (3.14): from now on what the memcg's tasks allocate is accounted. Refused once it has tasks or
 * children. Caller holds activate_kmem_mutex; accounting of the caller's own allocations is off meanwhile. Evaluates to 0 or -EBUSY.
 */
function* activateKmem(cpu: Cpu, css: Handle, limit: number): Coroutine<number> {
  if (memcgKmemIsActive(cpu.published, css)) return 0;
  const { self } = yield* request(homeOf(css), readCss, { css }, css);
  yield* call(mutexLock, cpu, 'memcg_create_mutex');
  const busy = yield* request(homeOf(self), isPopulated, { self }, self);
  yield* call(mutexUnlock, cpu, 'memcg_create_mutex');
  if (busy) return EBUSY;
  const id = yield* request(BOOT_NODE, allocateId, null);
  yield* call(memcgUpdateAllCaches, cpu, id);
  yield* request(homeOf(css), setLimit, { css, counter: 'kmem', limit }, css);
  yield* request(homeOf(css), setKmem, { css, state: 'online', id }, css);
  yield* request(homeOf(css), initCacheList, { css }, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: true, id });
  return 0;
}

/** memcg_update_kmem_limit (3.14): the first write activates the memcg. */
function* memcgUpdateKmemLimit(cpu: Cpu, css: Handle, limit: number): Coroutine<number> {
  if (memcgKmemIsActive(cpu.published, css))
    return (yield* request(homeOf(css), setLimit, { css, counter: 'kmem', limit }, css)) ? 0 : EBUSY;
  yield* call(mutexLock, cpu, 'activate_kmem_mutex');
  cpu.accounting.skip(cpu.taskId, 1);
  const result = yield* call(activateKmem, cpu, css, limit);
  cpu.accounting.skip(cpu.taskId, -1);
  yield* call(mutexUnlock, cpu, 'activate_kmem_mutex');
  return result;
}

/** memcg_propagate_kmem (3.14), in css_online: a child is kmem-active from the start if its parent is. */
export function* memcgPropagateKmem(cpu: Cpu, css: Handle): Coroutine<void> {
  const parent = cpu.published.csses.read(css, CssField.parent);
  yield* call(mutexLock, cpu, 'activate_kmem_mutex');
  cpu.accounting.skip(cpu.taskId, 1);
  if (memcgKmemIsActive(cpu.published, parent)) yield* call(activateKmem, cpu, css, UNLIMITED);
  cpu.accounting.skip(cpu.taskId, -1);
  yield* call(mutexUnlock, cpu, 'activate_kmem_mutex');
}

/** mem_cgroup_write (3.14). */
function* setByteLimit(cpu: Cpu, css: Handle, counter: CounterName, limit: number): Coroutine<number> {
  if (counter === 'kmem') return yield* call(memcgUpdateKmemLimit, cpu, css, limit);
  yield* call(mutexLock, cpu, 'memcg_limit_mutex');
  const ok = yield* request(homeOf(css), setLimit, { css, counter, limit }, css);
  yield* call(mutexUnlock, cpu, 'memcg_limit_mutex');
  return ok ? 0 : EBUSY;
}

/** res_counter: bytes; a write of the kmem limit activates accounting. */
export const byteLimits: LimitOperations = {
  unit: 1,
  parse: parseByteLimit,
  show: showByteLimit,
  set: setByteLimit,
};
