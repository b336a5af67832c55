import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import type { PageUse } from '../slab/types.js';
import { childCachesOf, isRootCache } from './child-caches.js';
import { activePayer } from './create-on-system-wq.js';
import { PAGE_SIZE } from './limits.js';
import { resCounterCharge, resCounterUncharge } from './res-counter.js';

/** Nothing was charged because a limit forbids it. */
const DENIED = -1;

/** memcg_kmem_test_and_clear_dead. */
export const testAndClearKmemDead = defineHandler(
  'memcg.testAndClearKmemDead',
  (node, args: { css: Handle }, context): boolean => {
    const memcg = node.memcg(args.css, context.step);
    const was = memcg.kmemDead;
    memcg.kmemDead = false;
    return was;
  },
);

/** memcg_charge_kmem (3.14) without reclaim: kmem, then memory. */
export function* memcgChargeKmem(css: Handle, bytes: number): Coroutine<boolean> {
  if (!(yield* call(resCounterCharge, css, 'kmem', bytes))) return false;
  if (yield* call(resCounterCharge, css, 'memory', bytes)) return true;
  yield* call(resCounterUncharge, css, 'kmem', bytes);
  return false;
}

/** memcg_uncharge_kmem (3.14): the last uncharge of an offline memcg puts the reference that it holds on itself. */
export function* memcgUnchargeKmem(cpu: Cpu, css: Handle, bytes: number): Coroutine<void> {
  yield* call(resCounterUncharge, css, 'memory', bytes);
  if ((yield* call(resCounterUncharge, css, 'kmem', bytes)) > 0) return;
  if (yield* request(homeOf(css), testAndClearKmemDead, { css }, css)) yield* call(cssPut, cpu, css);
}

/**
 * __memcg_kmem_newpage_charge (3.14): 2^order pages asked for with __GFP_KMEMCG, i.e. slabs of child caches, large kmalloc
 * and kernel stacks. The memcg of the running task pays, whatever they are for. Evaluates to the memcg charged, 0 for none,
 * negative if denied. The pages hold no css reference.
 */
export function* memcgKmemNewpageCharge(cpu: Cpu, order: number): Coroutine<Handle> {
  const css = activePayer(cpu);
  if (css === 0 || !(yield* call(cssTrygetOnline, cpu, css))) return 0;
  const charged = yield* call(memcgChargeKmem, css, PAGE_SIZE * 2 ** order);
  yield* call(cssPut, cpu, css);
  return charged ? css : DENIED;
}

/**
 * Pages that are no slab (3.14): stacks and large kmalloc ask for accounting. The model leaves user pages, which go to the parent
 * at offline, to nobody.
 */
export function chargePagesFor(uses: readonly PageUse[]) {
  return function* chargeIfAsked(cpu: Cpu, order: number, use: PageUse): Coroutine<Handle> {
    return uses.includes(use) ? yield* call(memcgKmemNewpageCharge, cpu, order) : 0;
  };
}

/** __memcg_kmem_uncharge_pages (3.14): whoever frees them, the memcg that page_cgroup names gets the bytes back. */
export function* memcgKmemUnchargePages(cpu: Cpu, css: Handle, order: number): Coroutine<void> {
  yield* call(memcgUnchargeKmem, cpu, css, PAGE_SIZE * 2 ** order);
}

/**
 * Charge of a new slab (3.14): a child's pages are charged to the memcg of the running task, which may be another than the
 * child's by now, and the child counts them (memcg_bind_pages).
 */
export function* chargeSlabToCurrent(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  if (isRootCache(cpu, cache)) return 0;
  const memcg = cpu.published.caches.read(cache, CacheField.memcg);
  const css = yield* call(memcgKmemNewpageCharge, cpu, order);
  if (css >= 0) yield* call(childCachesOf(cpu).bindPages, cpu, cache, order);
  if (css >= 0 && css !== memcg) cpu.counters.add('mischarged_pages', 2 ** order);
  return css;
}

/** kmem_freepages (3.14): the cache gives the pages up first; then whoever was charged gets the bytes back. */
export function* releaseAndUnchargeSlab(cpu: Cpu, cache: Handle, css: Handle, order: number): Coroutine<void> {
  yield* call(childCachesOf(cpu).releasePages, cpu, cache, order);
  if (css !== 0) yield* call(memcgKmemUnchargePages, cpu, css, order);
}
