import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuNoteContextSwitch } from '../rcu/quiescent.js';
import { defineFunction, defineHandler } from '../registry.js';
import { wakeUnboundThread } from '../sched/wake.js';
import { Trace } from '../tracepoints.js';
import { processOneWork } from './bound.js';
import { setPending } from './items.js';
import { type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';

/** The one pool of each ordered workqueue lives on the boot node. */
const insertOrdered = defineHandler(
  'wq.insertOrdered',
  (node, args: { queue: WorkqueueName; work: Handle }, context): void => {
    const pool = node.orderedPool(args.queue);
    pool.insert(args.work);
    node.trace(Trace.workInsert, context.cpu, args.work, workqueueNumber(args.queue), 0, 0);
    if (pool.active > 0) return;
    pool.active = 1;
    const previous = pool.workerCpu >= 0 ? pool.workerCpu : node.random.below(node.topology.cpuCount);
    const wake = { thread: `ordered:${args.queue}`, data: 0, previous, hops: 0 };
    context.post(node.topology.nodeOf(previous), wakeUnboundThread, wake);
  },
);

/** The worker reports the item it finished (0: none) and gets the next; null sends it to sleep. */
const nextOrdered = defineHandler(
  'wq.nextOrdered',
  (node, args: { queue: WorkqueueName; finished: number }, context): { sequence: number; work: Handle } | null => {
    const pool = node.orderedPool(args.queue);
    pool.workerCpu = context.cpu;
    for (const waiter of pool.finish(args.finished)) context.complete(waiter, 0);
    const next = pool.next();
    if (next === undefined) pool.active = 0;
    return next ?? null;
  },
);

/** queue_work on an ordered workqueue: one pool for all nodes, strict FIFO, one item at a time in the system. */
export function* queueOrdered(_cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  const { queued } = yield* request(homeOf(work), setPending, { work }, work);
  if (!queued) return false;
  yield* request(BOOT_NODE, insertOrdered, { queue, work });
  return true;
}

for (const queue of workqueueNames) {
  defineFunction('thread', `ordered:${queue}`, function* orderedWorker(cpu) {
    yield* call(runOrdered, cpu, queue as WorkqueueName);
  });
}

/** worker_thread of the ordered pool: stays on the CPU on which it was woken until the queue is empty. */
function* runOrdered(cpu: Cpu, queue: WorkqueueName): Coroutine<void> {
  let item = yield* request(BOOT_NODE, nextOrdered, { queue, finished: 0 });
  while (item !== null) {
    yield* call(processOneWork, cpu, queue, item.work);
    rcuNoteContextSwitch(cpu);
    item = yield* request(BOOT_NODE, nextOrdered, { queue, finished: item.sequence });
  }
}
