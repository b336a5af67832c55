import { type Coroutine, type Handle, homeOf, request, requestAll, wait, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { type Defect, orDefect } from '../defect.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { type WorkqueueName, workqueueNumber } from './queues.js';

/** Between two attempts to get hold of an item that is on its way into a pool. */
const RETRY_NS = 500;

interface Found {
  /** Taken off the list of a pool. */
  readonly stolen: boolean;
  /** A worker executes it; the waiter will be completed at the end of that. */
  readonly running: boolean;
}

/** Look for the item in the pools of this node: take it off its list, or wait for the worker that executes it. */
const stealOrWait = defineHandler(
  'wq.stealOrWait',
  (node, args: { queue: WorkqueueName; work: Handle; waiter: number }, context): Found => {
    for (const pool of node.poolsOf(args.queue)) {
      const stolen = pool.steal(args.work);
      if (stolen !== null) {
        node.trace(Trace.workCancel, context.cpu, args.work, workqueueNumber(args.queue), 0, 0);
        for (const waiter of stolen) context.complete(waiter, 0);
      }
      const running = pool.whenFinished(args.work, args.waiter);
      if (stolen !== null || running) return { stolen: stolen !== null, running };
    }
    return { stolen: false, running: false };
  },
);

/** Touch the item: clear PENDING if it was stolen; answers whether it is pending. */
const touchItem = defineHandler(
  'wq.touchItem',
  (node, args: { queue: WorkqueueName; work: Handle; stolen: boolean; defect: Defect }, context): boolean => {
    const item = orDefect(args.defect, () => node.works.get(args.work, context.step));
    if (!args.stolen) return item.pending;
    item.pending = false;
    node.trace(Trace.workCancel, context.cpu, args.work, workqueueNumber(args.queue), 1, 0);
    return false;
  },
);

/**
 * cancel_work_sync (kernel/workqueue.c 3.14): take a pending item off its list, and wait until nobody executes it. It looks
 * at the item again after each wait, so the item must not be freed by its own function. Process context.
 * @param defect what it is if the item is freed meanwhile
 */
export function* cancelWorkSync(cpu: Cpu, queue: WorkqueueName, item: Handle, defect: Defect): Coroutine<void> {
  for (;;) {
    const pending = yield* request(homeOf(item), touchItem, { queue, work: item, stolen: false, defect }, item);
    const waiter = cpu.newWaiter();
    const found = yield* requestAll(cpu.allNodes, stealOrWait, { queue, work: item, waiter });
    const running = found.some((answer) => answer.running);
    const stolen = found.some((answer) => answer.stolen);
    if (running) yield* wait(waiter);
    else cpu.dropWaiter(waiter);
    if (running || stolen) yield* request(homeOf(item), touchItem, { queue, work: item, stolen, defect }, item);
    if (stolen || !(pending || running)) return;
    if (!running) yield* work(RETRY_NS);
  }
}
