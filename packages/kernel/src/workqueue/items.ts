import type { Handle } from '@kmemlab/machine';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';

/** Allocate and initialise a work item (INIT_WORK) at this node. */
export const initWork = defineHandler(
  'wq.initWork',
  (node, args: { fn: string; data: number; once: boolean }): Handle =>
    node.works.allocate({ ...args, pending: false, lastCpu: -1 }),
);

/** test_and_set of PENDING, for a CPU. Tells whether the item may be queued, and where it last ran. */
export const setPending = defineHandler(
  'wq.setPending',
  (node, args: { work: Handle; cpu: number }, context): { queued: boolean; lastCpu: number } => {
    const item = node.works.get(args.work, context.step);
    const queued = !item.pending;
    item.pending = true;
    node.trace(Trace.workQueue, context.cpu, args.work, Number(queued), args.cpu, 0);
    return { queued, lastCpu: item.lastCpu };
  },
);

/** Clear PENDING just before the function starts, and free an item that is queued once only; answers with what to run. */
export const clearPending = defineHandler(
  'wq.clearPending',
  (node, args: { work: Handle; cpu: number; pool: number; queue: number }, context): { fn: string; data: number } => {
    const item = node.works.get(args.work, context.step);
    node.trace(Trace.workStart, args.cpu, args.work, args.queue, 0, 0);
    item.pending = false;
    item.lastCpu = args.pool < 0 ? args.cpu : args.pool;
    if (item.once) {
      node.trace(Trace.workFree, args.cpu, args.work, 0, 0, 0);
      node.works.release(args.work, context.step());
    }
    return { fn: item.fn, data: item.data };
  },
);
