import { after, type Coroutine, call, type Handle, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction, defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { queueBound } from './bound.js';
import { initWork } from './items.js';

import { attributesOf, type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';
import { queueUnbound } from './unbound.js';

/** queue_work: true if the item was queued, false if it was pending already (WQ-1). Any context. */
export function* queueWork(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  cpu.counters.add('queue_work');
  const bound = attributesOf(queue).type === 'bound';
  return yield* call(bound ? queueBound : queueUnbound, cpu, queue, work);
}

/** INIT_WORK of a new item at this CPU's node, then queue_work. The item runs once. */
export function* queueNewWork(cpu: Cpu, queue: WorkqueueName, fn: string, data: number): Coroutine<void> {
  const work = yield* request(cpu.node, initWork, { fn, data, once: true });
  yield* call(queueWork, cpu, queue, work);
}

/** Register the flusher in every pool of this node that has unfinished items; answers with the number of such pools. */
const registerFlusher = defineHandler(
  'wq.registerFlusher',
  (node, args: { queue: WorkqueueName; waiters: number[] }): number => {
    const bound = attributesOf(args.queue).type === 'bound';
    const pools = bound ? node.allWords().map((words) => words.pool(args.queue)) : [node.unboundPool(args.queue)];
    let used = 0;
    for (const pool of pools) {
      if (!pool.busy) continue;
      pool.flush(args.waiters[used++] as number);
    }
    return used;
  },
);

/**
 * flush_workqueue: returns when every item queued before the call, on every pool, has finished (WQ-4). Items queued
 * later, also by those items, are not waited for. Process context.
 */
export function* flushWorkqueue(cpu: Cpu, queue: WorkqueueName): Coroutine<void> {
  const number = ++cpu.flushes;
  cpu.trace(Trace.flushBegin, workqueueNumber(queue), number, 0, 0);
  const waiting: number[] = [];
  for (const node of cpu.allNodes) {
    const waiters = Array.from({ length: cpu.topology.cpusPerNode }, () => cpu.newWaiter());
    const used = yield* request(node, registerFlusher, { queue, waiters });
    for (const waiter of waiters.slice(used)) cpu.dropWaiter(waiter);
    waiting.push(...waiters.slice(0, used));
  }
  for (const waiter of waiting) yield* wait(waiter);
  cpu.trace(Trace.flushEnd, workqueueNumber(queue), number, 0, 0);
}

for (const queue of workqueueNames) {
  defineFunction('timer', `delayed_work:${queue}`, function* delayedWorkTimer(cpu, work) {
    yield* call(queueWork, cpu, queue as WorkqueueName, work);
  });
}

/** queue_delayed_work: a timer on this CPU, then queue_work. A deferrable one does not wake an idle CPU. */
export function* queueDelayedWork(
  _cpu: Cpu,
  queue: WorkqueueName,
  work: Handle,
  delay: number,
  deferrable: boolean,
): Coroutine<void> {
  yield* after(delay, `delayed_work:${queue}`, work, deferrable);
}
