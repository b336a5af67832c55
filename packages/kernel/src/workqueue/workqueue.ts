import { after, BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { initWork, setPending } from './items.js';
import { insertWork, isRunning, registerFlusher, UNBOUND } from './pools.js';
import { attributesOf, type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';
import './worker.js';

/**
 * queue_work (kernel/workqueue.c 4.10): true if the item was queued, false if it was pending already (WQ-1). Any context.
 * A bound item goes to this CPU's pool, unless another CPU's pool is executing it; an unbound one to this node's pool, an
 * item of an ordered queue to the only one.
 */
export function* queueWork(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  cpu.counters.add('queue_work');
  const { queued, lastCpu } = yield* request(homeOf(work), setPending, { work, cpu: cpu.id }, work);
  if (queued) yield* call(queuePending, cpu, queue, work, lastCpu);
  return queued;
}

/** __queue_work: put an item whose PENDING this CPU has set onto the list of a pool. */
export function* queuePending(cpu: Cpu, queue: WorkqueueName, work: Handle, lastCpu: number): Coroutine<void> {
  const { type } = attributesOf(queue);
  if (type === 'bound') {
    yield* call(insertBound, cpu, queue, work, cpu.id, lastCpu);
  } else {
    const home = type === 'ordered' ? BOOT_NODE : cpu.node;
    yield* request(home, insertWork, { queue, cpu: UNBOUND, work });
  }
}

/** queue_work_on for a bound workqueue: the same, for another CPU's pool. */
export function* queueWorkOn(cpu: Cpu, target: number, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  cpu.counters.add('queue_work');
  const { queued, lastCpu } = yield* request(homeOf(work), setPending, { work, cpu: target }, work);
  if (queued) yield* call(insertBound, cpu, queue, work, target, lastCpu);
  return queued;
}

/** Into the pool of the CPU that is executing the item, else of the one that it is meant for. */
function* insertBound(cpu: Cpu, queue: WorkqueueName, work: Handle, wanted: number, lastCpu: number): Coroutine<void> {
  const elsewhere = lastCpu >= 0 && lastCpu !== wanted;
  const running = elsewhere && (yield* request(cpu.nodeOf(lastCpu), isRunning, { queue, cpu: lastCpu, work }));
  const target = running ? lastCpu : wanted;
  yield* request(cpu.nodeOf(target), insertWork, { queue, cpu: target, work });
}

/** INIT_WORK of a new item at this CPU's node, then queue_work. The item runs once. */
export function* queueNewWork(cpu: Cpu, queue: WorkqueueName, fn: string, data: number): Coroutine<void> {
  const work = yield* request(cpu.node, initWork, { fn, data, once: true });
  yield* call(queueWork, cpu, queue, work);
}

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
    yield* call(queueWork, cpu, queue, work);
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
