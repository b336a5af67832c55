import { type Coroutine, call, type Handle, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexTrylock, mutexUnlock } from '../../locking/mutex.js';
import type { KernelNode } from '../../node.js';
import { CssField, ObjcgField } from '../../published-state.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { queueWorkOn } from '../../workqueue/workqueue.js';
import { drainObjStock } from './byte-stock.js';
import { drainStock } from './page-stock.js';

/** A CPU whose stock is to be drained, and the work item for it. */
interface Flush {
  readonly cpu: number;
  readonly work: Handle;
}

/** mem_cgroup_is_descendant: the memcg itself, or one below it whose counters it contains. */
function isDescendant({ published }: KernelNode, memcg: Handle, of: Handle): boolean {
  for (let above = memcg; above !== 0; above = published.csses.read(above, CssField.counterParent)) {
    if (above === of) return true;
  }
  return false;
}

/**
 * The CPUs of this node whose stock has pages of the subtree, or whose byte part is of an obj_cgroup that stands for a memcg
 * in it now, and which nobody has asked to drain yet (FLUSHING_CACHED_CHARGE is set). What a stock is found to hold may be
 * gone, or be another memcg's, when it is drained.
 */
const findStocks = defineHandler('memcg.findStocks', (node, args: { memcg: Handle }): Flush[] => {
  const found: Flush[] = [];
  for (const { cpu, stock } of node.allWords()) {
    const owner = node.published.objCgroups.read(stock.objcg, ObjcgField.memcg);
    const hasPages = stock.pages > 0 && isDescendant(node, stock.css, args.memcg);
    if (!node.published.isOnline(cpu) || !(hasPages || isDescendant(node, owner, args.memcg))) continue;
    if (node.stockFlushes.has(cpu)) continue;
    const common = { fn: DRAIN_LOCAL_STOCK, data: 0, once: true, pending: false, lastCpu: -1 };
    node.stockFlushes.add(cpu);
    found.push({ cpu, work: node.works.allocate(common) });
  }
  return found;
});

const clearFlushing = defineHandler('memcg.clearFlushing', (node, args: { cpu: number }): void => {
  node.stockFlushes.delete(args.cpu);
});

/** drain_local_stock (5.9): both parts, with interrupts off. */
const DRAIN_LOCAL_STOCK = defineFunction('work', 'drain_local_stock', function* drainLocalStock(cpu) {
  const saved = cpu.irqSave();
  yield* call(drainObjStock, cpu);
  yield* call(drainStock, cpu);
  yield* request(cpu.node, clearFlushing, { cpu: cpu.id });
  cpu.irqRestore(saved);
});

/**
 * drain_all_stock (5.9): a work item on each CPU that has charges of the memcg's subtree in stock. Does nothing if another
 * drain is going on, and nobody tries again: then the stock keeps the memcg. Process context; waits for nothing.
 */
export function* drainAllStock(cpu: Cpu, memcg: Handle): Coroutine<void> {
  if (!(yield* call(mutexTrylock, cpu, 'percpu_charge_mutex'))) return;
  const stocks = (yield* requestAll(cpu.allNodes, findStocks, { memcg })).flat();
  for (const { cpu: target, work } of stocks) yield* call(queueWorkOn, cpu, target, 'system_wq', work);
  yield* call(mutexUnlock, cpu, 'percpu_charge_mutex');
}
