import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import { cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpus, putOnlineCpus } from '../../locking/hotplug.js';
import { mutexTrylock, mutexUnlock } from '../../locking/mutex.js';
import { ObjcgField } from '../../published-state.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { queueWorkOn } from '../../workqueue/workqueue.js';
import type { Stocked } from './cpu-stock.js';
import { memCgroupIsDescendant } from './hierarchy.js';
import { pageCounterUncharge } from './page-counter.js';

/** consume_stock (4.10): true if the pages came out of this CPU's stock. */
export function consumeStock({ stock }: Cpu, css: Handle, pages: number): boolean {
  if (stock.css !== css || stock.pages < pages) return false;
  stock.pages -= pages;
  return true;
}

/** drain_stock of this CPU. */
export function* drainStock(cpu: Cpu): Coroutine<void> {
  yield* call(drainStockOf, cpu, cpu.stock.take());
}

/** drain_stock of what was this or another CPU's: give the pages and references back. */
export function* drainStockOf(cpu: Cpu, { css, pages }: Stocked): Coroutine<void> {
  if (pages === 0) return;
  yield* call(pageCounterUncharge, css, 'memory', pages);
  yield* call(cssPut, cpu, css, pages);
}

/** refill_stock: another memcg's stock is drained first. Beyond a batch (by an interrupt's refill) it is not limited, as in 4.10. */
export function* refillStock(cpu: Cpu, css: Handle, pages: number): Coroutine<void> {
  while (cpu.stock.pages > 0 && cpu.stock.css !== css) yield* call(drainStock, cpu);
  cpu.stock.css = css;
  cpu.stock.pages += pages;
}

/** A CPU with pages of a memcg in stock, or bytes of an obj_cgroup that stands for it now, as another CPU sees it. */
interface Seen {
  readonly cpu: number;
  readonly css: Handle;
}

/** Stocks of this node's CPUs that hold something and are not being drained. */
const seeStocks = defineHandler('stock.see', (node, _args: null): Seen[] => {
  const seen: Seen[] = [];
  for (const { cpu, stock } of node.allWords()) {
    if (stock.flushing) continue;
    if (stock.pages > 0) seen.push({ cpu, css: stock.css });
    const owner = node.published.objCgroups.read(stock.objcg, ObjcgField.memcg);
    if (owner !== 0) seen.push({ cpu, css: owner });
  }
  return seen;
});

/** Test and set FLUSHING_CACHED_CHARGE of each CPU of this node that is asked for; answers with those that it was clear on. */
const markStocks = defineHandler('stock.mark', (node, args: { cpus: number[] }): { cpu: number; work: Handle }[] => {
  const marked: { cpu: number; work: Handle }[] = [];
  for (const { cpu, stock } of node.allWords()) {
    if (!args.cpus.includes(cpu) || stock.flushing) continue;
    stock.flushing = true;
    if (stock.work === 0) {
      const fn = 'drain_local_stock';
      stock.work = node.works.allocate({ fn, data: 0, once: false, pending: false, lastCpu: -1 });
    }
    marked.push({ cpu, work: stock.work });
  }
  return marked;
});

/** drain_local_stock: on the CPU whose stock it is. */
function* drainLocalStock(cpu: Cpu): Coroutine<void> {
  yield* call(cpu.build.policies.memcg.drainLocalStock, cpu);
  cpu.stock.flushing = false;
}

defineFunction('work', 'drain_local_stock', drainLocalStock);

/** Window in drain_all_stock: whoever wants to drain now, goes without. */
export const DRAIN_LOCKED = definePoint('drain_all_stock:locked');

const never = (): boolean => false;

/**
 * drain_all_stock (4.10 to 5.9): give back what any CPU has in stock of a memcg or its descendants: the own stock at once,
 * the others by a work item on their CPU, which nobody waits for. Does nothing if another CPU is at it. Process context.
 */
export function* drainAllStock(cpu: Cpu, memcg: Handle): Coroutine<void> {
  if (!(yield* call(mutexTrylock, cpu, 'percpu_charge_mutex'))) {
    cpu.counters.add('drain_all_stock_skipped');
    return;
  }
  cpu.counters.add('drain_all_stock');
  if (cpu.instrumented) yield* call(preemptionPoint, cpu, DRAIN_LOCKED, 0, { changed: never, gone: never });
  yield* call(getOnlineCpus, cpu);
  cpu.preemptCount++;
  const cpus = yield* call(stocksOf, cpu, memcg);
  const marked = cpus.length === 0 ? [] : (yield* requestAll(cpu.allNodes, markStocks, { cpus })).flat();
  for (const { cpu: owner, work } of marked) {
    if (owner === cpu.id) yield* call(drainLocalStock, cpu);
    else yield* call(queueWorkOn, cpu, owner, 'system_wq', work);
  }
  cpu.preemptCount--;
  yield* call(putOnlineCpus, cpu);
  yield* call(mutexUnlock, cpu, 'percpu_charge_mutex');
}

/** CPUs with charges of the memcg or its descendants in stock; preemption is off, so none of these memcgs can be freed meanwhile. */
function* stocksOf(cpu: Cpu, memcg: Handle): Coroutine<number[]> {
  const owners: number[] = [];
  for (const { cpu: owner, css } of (yield* requestAll(cpu.allNodes, seeStocks, null)).flat()) {
    if (yield* call(memCgroupIsDescendant, css, memcg)) owners.push(owner);
  }
  return owners;
}
