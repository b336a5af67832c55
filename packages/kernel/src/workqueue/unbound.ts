import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuNoteContextSwitch } from '../rcu/quiescent.js';
import { defineFunction, defineHandler } from '../registry.js';
import { wakeUnboundThread } from '../sched/wake.js';
import { Trace } from '../tracepoints.js';
import { processOneWork } from './bound.js';
import { setPending } from './items.js';
import { attributesOf, type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';

/** The thread that serves the pools of one unbound or ordered workqueue. */
export const workerThread = (queue: string): string => `kworker/u:${queue}`;

/**
 * insert_work on this node's pool of an unbound workqueue. Below max_active a worker is woken: on an idle CPU of this
 * node, for an ordered queue of any node.
 */
const insertUnbound = defineHandler(
  'wq.insertUnbound',
  (node, args: { queue: WorkqueueName; work: Handle }, context): void => {
    const pool = node.unboundPool(args.queue);
    const { type, maxActive } = attributesOf(args.queue);
    pool.insert(args.work);
    node.trace(Trace.workInsert, context.cpu, args.work, workqueueNumber(args.queue), 0, 0);
    if (pool.active >= maxActive) return;
    pool.active++;
    const { topology, random } = node;
    const anywhere = type === 'ordered';
    const first = anywhere
      ? random.below(topology.cpuCount)
      : topology.firstCpuOf(node.id) + random.below(topology.cpusPerNode);
    const previous = pool.workerCpu >= 0 ? pool.workerCpu : first;
    const hops = anywhere ? topology.nodes - 1 : 0;
    const wake = { thread: workerThread(args.queue), data: node.id, previous, hops };
    context.post(topology.nodeOf(previous), wakeUnboundThread, wake);
  },
);

/** The worker reports the item it finished (0: none) and gets the next; null sends it to sleep. */
const nextUnbound = defineHandler(
  'wq.nextUnbound',
  (node, args: { queue: WorkqueueName; finished: number }, context): { sequence: number; work: Handle } | null => {
    const pool = node.unboundPool(args.queue);
    pool.workerCpu = context.cpu;
    for (const waiter of pool.finish(args.finished)) context.complete(waiter, 0);
    const next = pool.next();
    if (next === undefined) pool.active--;
    return next ?? null;
  },
);

/**
 * queue_work on an unbound workqueue: into the pool of this CPU's node. An ordered one is unbound with max_active 1 and a
 * single pool for all nodes: strict FIFO, one item at a time in the system.
 */
export function* queueUnbound(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  const { queued } = yield* request(homeOf(work), setPending, { work }, work);
  if (!queued) return false;
  const home = attributesOf(queue).type === 'ordered' ? BOOT_NODE : cpu.node;
  yield* request(home, insertUnbound, { queue, work });
  return true;
}

for (const queue of workqueueNames) {
  defineFunction('thread', workerThread(queue), function* unboundWorker(cpu, home) {
    yield* call(serve, cpu, queue as WorkqueueName, home);
  });
}

/** worker_thread of an unbound pool: stays on the CPU on which it was woken until the pool has no item left. */
function* serve(cpu: Cpu, queue: WorkqueueName, home: number): Coroutine<void> {
  let item = yield* request(home, nextUnbound, { queue, finished: 0 });
  while (item !== null) {
    yield* call(processOneWork, cpu, queue, item.work);
    rcuNoteContextSwitch(cpu);
    item = yield* request(home, nextUnbound, { queue, finished: item.sequence });
  }
}
