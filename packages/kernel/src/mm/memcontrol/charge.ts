import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import type { CounterName } from './types.js';

/** CHARGE_BATCH: pages charged at once, the rest goes to the stock. */
const CHARGE_BATCH = 32;

interface CounterStep {
  readonly ok: boolean;
  /** Next counter up the hierarchy, 0 at the top. */
  readonly parent: Handle;
}

/** page_counter_try_charge at one level. */
const tryChargeLevel = defineHandler(
  'pageCounter.tryCharge',
  (node, args: { css: Handle; counter: CounterName; pages: number }, context): CounterStep => {
    const memcg = node.memcg(args.css, context.step);
    const counter = memcg.counters[args.counter];
    if (counter.usage + args.pages > counter.limit) {
      counter.failures++;
      return { ok: false, parent: 0 };
    }
    counter.usage += args.pages;
    counter.max = Math.max(counter.max, counter.usage);
    return { ok: true, parent: memcg.counterParent };
  },
);

/** page_counter_cancel at one level; answers with the next counter up. */
const unchargeLevel = defineHandler(
  'pageCounter.uncharge',
  (node, args: { css: Handle; counter: CounterName; pages: number }, context): Handle => {
    const memcg = node.memcg(args.css, context.step);
    memcg.counters[args.counter].usage -= args.pages;
    return memcg.counterParent;
  },
);

/** page_counter_try_charge: every level or none. */
function* pageCounterTryCharge(css: Handle, counter: CounterName, pages: number): Coroutine<boolean> {
  const charged: Handle[] = [];
  for (let level = css; level !== 0; ) {
    const { ok, parent } = yield* request(homeOf(level), tryChargeLevel, { css: level, counter, pages }, level);
    if (!ok) {
      for (const below of charged) yield* request(homeOf(below), unchargeLevel, { css: below, counter, pages }, below);
      return false;
    }
    charged.push(level);
    level = parent;
  }
  return true;
}

export function* pageCounterUncharge(css: Handle, counter: CounterName, pages: number): Coroutine<void> {
  for (let level = css; level !== 0; ) {
    level = yield* request(homeOf(level), unchargeLevel, { css: level, counter, pages }, level);
  }
}

/** Per-CPU pre-charged pages of one memcg; each page holds a css reference. */
export interface Stock {
  css: Handle;
  pages: number;
}

/** drain_stock of this CPU. */
function* drainStock(cpu: Cpu): Coroutine<void> {
  const drained = { ...cpu.stock };
  cpu.stock.css = 0;
  cpu.stock.pages = 0;
  yield* call(drainStockOf, cpu, drained);
}

/** drain_stock of what was this or another CPU's: give the pages and references back. */
export function* drainStockOf(cpu: Cpu, { css, pages }: Readonly<Stock>): Coroutine<void> {
  if (pages === 0) return;
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
}

/** refill_stock: another memcg's stock is drained first. Beyond a batch (by an interrupt's refill) it is not limited, as in 4.10. */
function* refillStock(cpu: Cpu, css: Handle, pages: number): Coroutine<void> {
  while (cpu.stock.pages > 0 && cpu.stock.css !== css) yield* call(drainStock, cpu);
  cpu.stock.css = css;
  cpu.stock.pages += pages;
}

/** try_charge (4.10) without reclaim: from the stock, else a batch, else just what is needed. Takes one css reference a page. */
export function* tryCharge(cpu: Cpu, css: Handle, pages: number): Coroutine<boolean> {
  const { stock } = cpu;
  if (stock.css === css && stock.pages >= pages) {
    stock.pages -= pages;
    return true;
  }
  for (const batch of new Set([Math.max(CHARGE_BATCH, pages), pages])) {
    if (!(yield* call(pageCounterTryCharge, css, 'memory', batch))) continue;
    yield* call(cssGet, cpu, css, batch);
    if (batch > pages) yield* call(refillStock, cpu, css, batch - pages);
    return true;
  }
  return false;
}

/** Nothing was charged because the limit forbids it. */
export const DENIED = -1;

/**
 * memcg_charge_slab (4.10): charge 2^order pages of a memcg cache to its memcg: memory through the stock, then kmem. Evaluates
 * to the memcg charged, 0 for a root cache, or a negative number if a limit forbids it.
 */
export function* chargeSlab(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  const css = cpu.published.caches.read(cache, CacheField.memcg);
  if (css === 0) return 0;
  return (yield* call(memcgKmemCharge, cpu, css, order)) ? css : DENIED;
}

/** memcg_kmem_charge_memcg (4.10): 2^order pages of kernel memory. Takes one css reference a page. Evaluates to false if a limit forbids it. */
export function* memcgKmemCharge(cpu: Cpu, css: Handle, order: number): Coroutine<boolean> {
  const pages = 2 ** order;
  if (!(yield* call(tryCharge, cpu, css, pages))) return false;
  if (yield* call(pageCounterTryCharge, css, 'kmem', pages)) return true;
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
  return false;
}

/** memcg_uncharge_slab (4.10): both counters, and one css reference a page. */
export function* unchargeSlab(cpu: Cpu, _cache: Handle, css: Handle, order: number): Coroutine<void> {
  if (css !== 0) yield* call(memcgKmemUncharge, cpu, css, order);
}

/** memcg_kmem_uncharge (4.10): undo memcgKmemCharge. */
export function* memcgKmemUncharge(cpu: Cpu, css: Handle, order: number): Coroutine<void> {
  const pages = 2 ** order;
  yield* call(pageCounterUncharge, css, 'kmem', pages);
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
}
