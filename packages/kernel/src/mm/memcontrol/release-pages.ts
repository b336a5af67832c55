import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { definePoint, type PointLabel, preemptionPoint } from '../../sched/preemption-point.js';
import { queueWork } from '../../workqueue/workqueue.js';
import { addPages, destroyItem, isDead } from './cache-params.js';
import { isRootCache } from './child-caches.js';

/** The count has reached 0; the dead mark is still to be read. */
export const PAGES_RELEASED = definePoint('memcg_release_pages:nr_pages-zero');
/** The cache is dead and its work item was not pending; it is about to be queued. */
export const ITEM_NOT_PENDING = definePoint('mem_cgroup_destroy_cache:not-pending');

/** A narrow window in code that works on a child cache without a reference. */
export function* childPoint(cpu: Cpu, label: PointLabel, cache: Handle): Coroutine<void> {
  const gone = () => !cpu.published.caches.isCurrent(cache);
  const root = cpu.published.caches.read(cache, CacheField.root);
  yield* call(preemptionPoint, cpu, label, root, { changed: gone, gone });
}

/** memcg_bind_pages (3.14): the pages of a new slab count. */
export function* memcgBindPages(_cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  yield* request(homeOf(cache), addPages, { cache, by: 2 ** order, defect: 'V0-h' }, cache);
}

/**
 * memcg_release_pages (3.14): a child cache gives 2^order pages up. If they were its last, it is destroyed in case it is
 * dead. Any context: process, interrupts off, RCU callback.
 */
export function* memcgReleasePages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (isRootCache(cpu, cache)) return;
  const left = yield* request(homeOf(cache), addPages, { cache, by: -(2 ** order), defect: 'V0-b' }, cache);
  if (left !== 0) return;
  if (cpu.instrumented) yield* call(childPoint, cpu, PAGES_RELEASED, cache);
  yield* call(memCgroupDestroyCache, cpu, cache);
}

/** mem_cgroup_destroy_cache (3.14): queue the destroy work of a dead cache, unless it is pending. No lock is held. */
function* memCgroupDestroyCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (!(yield* request(homeOf(cache), isDead, { cache, defect: 'V0-b' }, cache))) return;
  const { work, pending } = yield* request(homeOf(cache), destroyItem, { cache, defect: 'V0-b' }, cache);
  if (pending) return;
  if (cpu.instrumented) yield* call(childPoint, cpu, ITEM_NOT_PENDING, cache);
  yield* call(queueWork, cpu, 'system_wq', work);
}
