import { type Coroutine, call, type Handle, homeOf } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { tryToFreeMemCgroupPages } from '../vmscan.js';
import { slabItemOf } from './lruvec-counters.js';
import { modLruvecSlabState } from './lruvec-stats.js';
import { memCgroupMargin, pageCounterTryCharge, pageCounterUncharge } from './page-counter.js';
import { consumeStock, drainAllStock, refillStock } from './stock.js';

/** CHARGE_BATCH: pages charged at once, the rest goes to the stock. */
export const CHARGE_BATCH = 32;

/** MEM_CGROUP_RECLAIM_RETRIES */
const RECLAIM_RETRIES = 5;

/** The stock, then a batch, then just what is needed. Evaluates to the css whose limit forbids it, or 0. */
function* chargeOnce(cpu: Cpu, css: Handle, pages: number): Coroutine<Handle> {
  if (consumeStock(cpu, css, pages)) return 0;
  let overLimit = 0;
  for (const batch of new Set([Math.max(CHARGE_BATCH, pages), pages])) {
    overLimit = yield* call(pageCounterTryCharge, css, 'memory', batch);
    if (overLimit !== 0) continue;
    yield* call(cssGet, cpu, css, batch);
    if (batch > pages) yield* call(refillStock, cpu, css, batch - pages);
    break;
  }
  return overLimit;
}

/**
 * try_charge (4.10): from the stock, else a batch, else just what is needed; takes one css reference a page. Over the limit,
 * where the caller may block, it reclaims from the memcg at its limit, drains that one's stocks once, and tries again a few
 * times before it fails.
 * @param once one attempt, as the version makes it
 */
export function* tryCharge(cpu: Cpu, css: Handle, pages: number, once = chargeOnce): Coroutine<boolean> {
  let drained = false;
  for (let retries = RECLAIM_RETRIES; ; ) {
    const overLimit = yield* call(once, cpu, css, pages);
    if (overLimit === 0) return true;
    if (cpu.atomic) return false;
    yield* call(tryToFreeMemCgroupPages, cpu, overLimit);
    if ((yield* call(memCgroupMargin, overLimit)) >= pages) continue;
    if (!drained) {
      yield* call(drainAllStock, cpu, overLimit);
      drained = true;
    } else if (retries-- === 0) {
      cpu.counters.add('mem_cgroup_oom');
      return false;
    }
  }
}

/** Nothing was charged because the limit forbids it. */
export const DENIED = -1;

/**
 * memcg_charge_slab (4.10): charge 2^order pages of a memcg cache to its memcg: memory through the stock, then kmem. Evaluates
 * to the memcg charged, 0 for a root cache, or a negative number if a limit forbids it.
 */
export function* chargeSlab(cpu: Cpu, cache: Handle, order: number, page: Handle): Coroutine<Handle> {
  const css = cpu.published.caches.read(cache, CacheField.memcg);
  if (css === 0) return 0;
  if (!(yield* call(memcgKmemCharge, cpu, css, order))) return DENIED;
  yield* call(modLruvecSlabState, cpu, css, homeOf(page), slabItemOf(cpu.published, cache), 2 ** order);
  return css;
}

/** memcg_kmem_charge_memcg (4.10): 2^order pages of kernel memory; on cgroup v2 it has no counter of its own. Takes one css reference a page. Evaluates to false if a limit forbids it. */
export function* memcgKmemCharge(cpu: Cpu, css: Handle, order: number): Coroutine<boolean> {
  const pages = 2 ** order;
  if (!(yield* call(tryCharge, cpu, css, pages))) return false;
  const counted = cpu.build.config.cgroup === 'v1';
  if (!counted || (yield* call(pageCounterTryCharge, css, 'kmem', pages)) === 0) return true;
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
  return false;
}

/** memcg_uncharge_slab (4.10): statistics, both counters, and one css reference a page. */
export function* unchargeSlab(cpu: Cpu, cache: Handle, css: Handle, order: number, page: Handle): Coroutine<void> {
  if (css === 0) return;
  yield* call(modLruvecSlabState, cpu, css, homeOf(page), slabItemOf(cpu.published, cache), -(2 ** order));
  yield* call(memcgKmemUncharge, cpu, css, order);
}

/** memcg_kmem_uncharge (4.10): undo memcgKmemCharge. */
export function* memcgKmemUncharge(cpu: Cpu, css: Handle, order: number): Coroutine<void> {
  const pages = 2 ** order;
  if (cpu.build.config.cgroup === 'v1') yield* call(pageCounterUncharge, css, 'kmem', pages);
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
}
