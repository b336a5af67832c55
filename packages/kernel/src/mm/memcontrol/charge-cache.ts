import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { definePoint } from '../../sched/preemption-point.js';
import { childCachesOf, isRootCache } from './child-caches.js';
import { memcgChargeKmem, memcgUnchargeKmem } from './kmem-charge.js';
import { PAGE_SIZE } from './limits.js';
import { readMemcg } from './memcg-watch.js';
import { childPoint } from './release-pages.js';

/*
 * reparent-2014, patch 7: the memcg of the cache pays for its slabs, whoever allocates. It is charged before the pages are
 * allocated and uncharged after they have been freed; the pages themselves name nobody.
 */

/** The pages of a slab were released, which may have queued the destruction of the cache; the cache is about to be read. */
export const PAGES_GONE = definePoint('memcg_uncharge_slab:pages-released');

/** The memcg of a cache that holds it by a css reference: there is nothing to take. */
export function* memcgHeldByCache(_cpu: Cpu, cache: Handle, defect: Defect): Coroutine<Handle> {
  return yield* request(homeOf(cache), readMemcg, { cache, defect }, cache);
}

/** memcg_charge_slab of the patch. Evaluates to false if a limit forbids it. */
export function* chargeCacheAhead(cpu: Cpu, cache: Handle, order: number): Coroutine<boolean> {
  if (isRootCache(cpu, cache)) return true;
  const { getMemcg, putMemcg } = childCachesOf(cpu);
  const css = yield* call(getMemcg, cpu, cache, 'V0-h');
  if (css === 0) return true;
  const charged = yield* call(memcgChargeKmem, css, PAGE_SIZE * 2 ** order);
  yield* call(putMemcg, cpu, css);
  return charged;
}

/** memcg_uncharge_slab of the patch. The cache has given the pages up, so nothing keeps it any more (V2-b). Any context. */
export function* unchargeCacheAfter(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (isRootCache(cpu, cache)) return;
  if (cpu.instrumented) yield* call(childPoint, cpu, PAGES_GONE, cache);
  const { getMemcg, putMemcg } = childCachesOf(cpu);
  const css = yield* call(getMemcg, cpu, cache, 'V2-b');
  if (css === 0) return;
  yield* call(memcgUnchargeKmem, cpu, css, PAGE_SIZE * 2 ** order);
  yield* call(putMemcg, cpu, css);
}

/** With the pages there, nobody is charged any more; they only hold the cache. */
export function* bindSlab(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  yield* call(childCachesOf(cpu).bindPages, cpu, cache, order);
  return 0;
}

/** Before the pages are freed, the cache gives them up. */
export function* releaseSlab(cpu: Cpu, cache: Handle, _css: Handle, order: number): Coroutine<void> {
  yield* call(childCachesOf(cpu).releasePages, cpu, cache, order);
}
