import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { rootMemcg } from '../../published-state.js';
import type { PageUse } from '../slab/types.js';
import { CHARGE_BATCH, DENIED, tryCharge } from './charge.js';
import { chargeCurrent, isKernel } from './charge-page.js';
import type { Stocked } from './cpu-stock.js';
import { pageCounterTryCharge, pageCounterUncharge } from './page-counter.js';
import { consumeStock } from './stock.js';

/*
 * Charging pages since 5.9 (mm/memcontrol.c 5.9.1): charged pages hold no css reference. A CPU's stock holds one for its
 * memcg, also when it has no page left; a block of page-level kmem holds one, whatever its order.
 */

/** References on its memcg that a stock holds in 5.9. */
export const oneRefPerStock = ({ css }: Stocked): number => Number(css !== 0);

/** drain_stock (5.9) of this CPU. Interrupts off. */
export function* drainPages(cpu: Cpu): Coroutine<void> {
  yield* call(drainPagesOf, cpu, cpu.stock.take());
}

/**
 * drain_stock (5.9) of what was this or a dead CPU's: the pages are uncharged, the stock's reference goes. The byte part of
 * a dead CPU is left as it is, with its reference (V6-e).
 */
export function* drainPagesOf(cpu: Cpu, { css, pages }: Stocked): Coroutine<void> {
  if (css === 0) return;
  cpu.counters.add('drain_stock');
  if (pages > 0) yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css);
}

/** refill_stock (5.9): another memcg's stock is drained first; more than a batch is not kept. */
function* refillStock(cpu: Cpu, css: Handle, pages: number): Coroutine<void> {
  const saved = cpu.irqSave();
  const { stock } = cpu;
  if (stock.css !== css) {
    yield* call(drainPages, cpu);
    yield* call(cssGet, cpu, css);
    stock.css = css;
  }
  stock.pages += pages;
  if (stock.pages > CHARGE_BATCH) yield* call(drainPages, cpu);
  cpu.irqRestore(saved);
}

/** One attempt of try_charge (5.9): the stock, then a batch, then just what is needed. Evaluates to the css whose limit forbids it, or 0. */
function* chargeOnce(cpu: Cpu, css: Handle, pages: number): Coroutine<Handle> {
  if (consumeStock(cpu, css, pages)) return 0;
  let overLimit = 0;
  for (const batch of new Set([Math.max(CHARGE_BATCH, pages), pages])) {
    overLimit = yield* call(pageCounterTryCharge, css, 'memory', batch);
    if (overLimit !== 0) continue;
    if (batch > pages) yield* call(refillStock, cpu, css, batch - pages);
    break;
  }
  return overLimit;
}

const countsKmem = (cpu: Cpu): boolean => cpu.build.config.cgroup === 'v1';

/**
 * __memcg_kmem_charge (5.9): pages to the memory counter, except the root's, and on cgroup v1 also to the kmem counter. The caller holds a css
 * reference. False if a limit forbids it.
 */
export function* chargeKmem(cpu: Cpu, css: Handle, pages: number): Coroutine<boolean> {
  const isRoot = css === rootMemcg(cpu.published);
  if (!isRoot && !(yield* call(tryCharge, cpu, css, pages, chargeOnce))) return false;
  if (!countsKmem(cpu) || (yield* call(pageCounterTryCharge, css, 'kmem', pages)) === 0) return true;
  if (!isRoot) yield* call(pageCounterUncharge, css, 'memory', pages);
  return false;
}

/** __memcg_kmem_uncharge (5.9), whatever the memcg is: of the root, too, which was never charged without use_hierarchy (V6-d). */
export function* unchargeKmem(cpu: Cpu, css: Handle, pages: number): Coroutine<void> {
  if (countsKmem(cpu)) yield* call(pageCounterUncharge, css, 'kmem', pages);
  yield* call(pageCounterUncharge, css, 'memory', pages);
}

/**
 * __memcg_kmem_charge_page (5.9): 2^order pages of page-level kmem (a kernel stack, a page table, a pipe's page), charged
 * to `css` with one reference for the block. Evaluates to the memcg charged, 0 for nobody, negative if a limit forbids it:
 * then the allocation fails.
 */
export function* chargeKmemPages(cpu: Cpu, css: Handle, order: number): Coroutine<Handle> {
  if (css === 0 || css === rootMemcg(cpu.published)) return 0;
  if (!(yield* call(chargeKmem, cpu, css, 2 ** order))) return DENIED;
  yield* call(cssGet, cpu, css);
  return css;
}

/** Pages that are no slab (5.9): kernel memory, or user pages (mem_cgroup_charge); one reference for the block either way. */
export function* chargeBlock(cpu: Cpu, order: number, use: PageUse): Coroutine<Handle> {
  if (use === 'kmalloc_large') return 0;
  const memcg = yield* call(chargeCurrent, cpu, (css) =>
    isKernel(use) ? chargeKmem(cpu, css, 2 ** order) : tryCharge(cpu, css, 2 ** order, chargeOnce),
  );
  if (memcg > 0) yield* call(cssGet, cpu, memcg);
  return memcg;
}

/** Uncharge a block of 2^order pages by what it was used for, and drop its css reference. Any context. */
export function* unchargeBlock(cpu: Cpu, css: Handle, order: number, use: PageUse): Coroutine<void> {
  if (isKernel(use)) yield* call(unchargeKmem, cpu, css, 2 ** order);
  else yield* call(pageCounterUncharge, css, 'memory', 2 ** order);
  yield* call(cssPut, cpu, css);
}

/** __memcg_kmem_uncharge_page (5.9): the block's pages, and its reference. */
export function* unchargeKmemPages(cpu: Cpu, css: Handle, order: number): Coroutine<void> {
  yield* call(unchargeKmem, cpu, css, 2 ** order);
  yield* call(cssPut, cpu, css);
}
