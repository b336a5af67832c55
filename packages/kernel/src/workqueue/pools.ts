import { BOOT_CPU, BOOT_NODE, type Handle, type HandlerContext } from '@kmemlab/machine';
import type { KernelNode } from '../node.js';
import { defineHandler, defineSection } from '../registry.js';
import { wakeUnboundThread } from '../sched/wake.js';
import { Trace } from '../tracepoints.js';
import { attributesOf, type WorkqueueName, workqueueNumber } from './queues.js';
import type { QueuedWork } from './types.js';

/** Stands for the CPU of a pool that belongs to no CPU. */
export const UNBOUND = -1;

/** One pool of a node: that of one of its CPUs, or with UNBOUND the node's own. */
export interface PoolName {
  readonly queue: WorkqueueName;
  readonly cpu: number;
}

/** The thread that serves the pools of a workqueue. */
export const workerThread = (queue: WorkqueueName): string =>
  attributesOf(queue).type === 'bound' ? `kworker:${queue}` : `kworker/u:${queue}`;

/**
 * insert_work, under pool->lock: below max_active a worker is woken; of a bound pool on its CPU, or anywhere if that is
 * offline (WQ-6); of an unbound one on an idle CPU of this node, of an ordered one on an idle CPU of any node. A worker's
 * data is the CPU of its bound pool, or the node of its unbound one.
 */
export const insertWork = defineSection(
  'pool_lock',
  'wq.insert',
  (node, args: PoolName & { work: Handle }, context): void => {
    const pool = node.pool(args.queue, args.cpu);
    const { type, maxActive } = attributesOf(args.queue);
    pool.insert(args.work);
    node.trace(Trace.workInsert, context.cpu, args.work, workqueueNumber(args.queue), args.cpu, 0);
    if (pool.active >= maxActive) return;
    pool.active++;
    const thread = workerThread(args.queue);
    if (type === 'bound') {
      if (node.published.isOnline(args.cpu)) context.wakeThread(args.cpu, thread, args.cpu);
      else wakeUnboundWorker(context, thread, args.cpu);
      return;
    }
    const anywhere = type === 'ordered';
    const previous = pool.workerCpu >= 0 ? pool.workerCpu : someCpu(node, anywhere);
    const hops = anywhere ? node.topology.nodes - 1 : 0;
    context.post(node.topology.nodeOf(previous), wakeUnboundThread, { thread, data: node.id, previous, hops });
  },
);

/** The CPU of a bound pool went away (wq_unbind_fn): its workers run anywhere. */
function wakeUnboundWorker(context: HandlerContext, thread: string, pool: number): void {
  context.post(BOOT_NODE, wakeUnboundThread, { thread, data: pool, previous: BOOT_CPU, hops: 0 });
}

function someCpu({ topology, random, id }: KernelNode, anywhere: boolean): number {
  return anywhere ? random.below(topology.cpuCount) : topology.firstCpuOf(id) + random.below(topology.cpusPerNode);
}

/** The worker hands back the item it finished (null: none) and takes the next; null sends it to sleep. */
export const nextWork = defineSection(
  'pool_lock',
  'wq.next',
  (node, args: PoolName & { finished: QueuedWork | null }, context): QueuedWork | null => {
    const pool = node.pool(args.queue, args.cpu);
    pool.workerCpu = context.cpu;
    if (args.finished !== null) {
      node.trace(Trace.workEnd, context.cpu, args.finished.work, workqueueNumber(args.queue), 0, 0);
      for (const waiter of pool.finish(args.finished)) context.complete(waiter, 0);
    }
    const next = pool.next(context.taskId);
    if (next === undefined) pool.active--;
    return next ?? null;
  },
);

/** Whether a CPU's pool is executing the item right now (find_worker_executing_work). */
export const isRunning = defineHandler('wq.isRunning', (node, args: PoolName & { work: Handle }): boolean =>
  node.pool(args.queue, args.cpu).isRunning(args.work),
);

/** Register a flusher in every pool of the workqueue on this node that has unfinished items; answers with their number. */
export const registerFlusher = defineHandler(
  'wq.registerFlusher',
  (node, args: { queue: WorkqueueName; waiters: number[] }): number => {
    let used = 0;
    for (const pool of node.poolsOf(args.queue)) {
      if (pool.busy) pool.flush(args.waiters[used++] as number);
    }
    return used;
  },
);
