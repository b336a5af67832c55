import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Policies } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { bindSlab, chargeCacheAhead, memcgHeldByCache, releaseSlab, unchargeCacheAfter } from './charge-cache.js';
import { childCachesOf, isRootCache } from './child-caches.js';
import { memcgChargeKmem, memcgUnchargeKmem } from './kmem-charge.js';
import { PAGE_SIZE } from './limits.js';

/*
 * Explicit charges of slab pages (3.15 and 3.16): to the memcg of the cache, whoever allocates. The descriptor is read for it.
 */

/** Nothing was charged because a limit forbids it. */
const DENIED = -1;

/** A slab is uncharged before its cache gives the pages up, or after they are gone. */
export type UnchargeOrder = 'first' | 'last';

/** memcg_charge_slab (3.16): charge and count in one. Evaluates to the memcg charged, 0 for a root, negative if denied. */
function* chargeAndBind(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  if (isRootCache(cpu, cache)) return 0;
  const css = yield* call(memcgHeldByCache, cpu, cache, 'V0-h');
  if (!(yield* call(memcgChargeKmem, css, PAGE_SIZE * 2 ** order))) return DENIED;
  yield* call(childCachesOf(cpu).bindPages, cpu, cache, order);
  return css;
}

/** memcg_uncharge_slab (3.16): the count comes last, so the cache is there until then. Any context. */
function* unchargeAndRelease(cpu: Cpu, cache: Handle, _css: Handle, order: number): Coroutine<void> {
  if (isRootCache(cpu, cache)) return;
  const css = yield* call(memcgHeldByCache, cpu, cache, 'V2-b');
  yield* call(memcgUnchargeKmem, cpu, css, PAGE_SIZE * 2 ** order);
  yield* call(childCachesOf(cpu).releasePages, cpu, cache, order);
}

/** memcg_bind_pages (3.15): the charge was made before the pages were there. */
function* bindChild(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  return isRootCache(cpu, cache) ? 0 : yield* call(bindSlab, cpu, cache, order);
}

/** Charge slabs explicitly. */
export function chargeExplicitly({ memcg }: Policies, order: UnchargeOrder): void {
  if (order === 'first') {
    memcg.chargeSlab = chargeAndBind;
    memcg.unchargeSlab = unchargeAndRelease;
    return;
  }
  memcg.chargeAhead = { charge: chargeCacheAhead, uncharge: unchargeCacheAfter };
  memcg.chargeSlab = bindChild;
  memcg.unchargeSlab = releaseSlab;
}
