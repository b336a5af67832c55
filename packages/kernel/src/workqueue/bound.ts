import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuNoteContextSwitch } from '../rcu/quiescent.js';
import { defineFunction, defineHandler } from '../registry.js';
import { complete } from '../sched/wake.js';
import { Trace } from '../tracepoints.js';
import { clearPending, isRunning, setPending } from './items.js';
import { attributesOf, type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';

/** Run the item on another CPU's pool because it is being executed there (rule 2 of the pool choice). */
const queueOnCpu = defineHandler(
  'wq.queueOnCpu',
  (_node, args: { cpu: number; queue: WorkqueueName; work: Handle }, context): void => {
    context.wakeThread(args.cpu, `queue:${args.queue}`, args.work);
  },
);

for (const queue of workqueueNames) {
  defineFunction('thread', `queue:${queue}`, function* insertWork(cpu, work) {
    yield* call(insertOnThisCpu, cpu, queue as WorkqueueName, work);
  });
}

/**
 * queue_work on a bound workqueue (kernel/workqueue.c 4.10): the item runs on this CPU, unless it is being executed in
 * another pool of the same queue. Evaluates to false if it was pending already.
 */
export function* queueBound(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  const { queued, lastCpu } = yield* request(homeOf(work), setPending, { work }, work);
  if (!queued) return false;
  if (lastCpu >= 0 && lastCpu !== cpu.id) {
    const node = cpu.nodeOf(lastCpu);
    if (yield* request(node, isRunning, { work, cpu: lastCpu })) {
      yield* request(node, queueOnCpu, { cpu: lastCpu, queue, work });
      return true;
    }
  }
  yield* call(insertOnThisCpu, cpu, queue, work);
  return true;
}

/** insert_work on the local pool: below max_active a worker takes it at once, else it is parked. */
// biome-ignore lint/correctness/useYield: the local pool is this CPU's own
function* insertOnThisCpu(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<void> {
  const pool = cpu.ownWords.pool(queue);
  pool.insert(work);
  cpu.trace(Trace.workInsert, work, workqueueNumber(queue), 0, 0);
  if (pool.active >= attributesOf(queue).maxActive) return;
  pool.active++;
  cpu.spawn(`kworker/${cpu.id}`, boundWorker, [cpu, queue]);
}

/** worker_thread of a bound pool: run items of one workqueue until none is left. */
function* boundWorker(cpu: Cpu, queue: WorkqueueName): Coroutine<void> {
  const pool = cpu.ownWords.pool(queue);
  for (let item = pool.next(); item !== undefined; item = pool.next()) {
    yield* call(processOneWork, cpu, queue, item.work);
    for (const waiter of pool.finish(item.sequence)) yield* call(complete, cpu, waiter);
    rcuNoteContextSwitch(cpu);
  }
  pool.active--;
}

/**
 * process_one_work: note that the item is being executed here, then clear PENDING, in this order, so that whoever queues
 * it again finds it (WQ-2); run the function. The item is not touched once its function has started.
 */
export function* processOneWork(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<void> {
  const running = cpu.ownWords.runningWorks;
  const start = { work, cpu: cpu.id, queue: workqueueNumber(queue) };
  running.add(work);
  const { fn, data } = yield* request(homeOf(work), clearPending, start, work);
  cpu.counters.add(fn);
  const began = cpu.now();
  yield* call(cpu.build.functions.find('work', fn), cpu, data);
  cpu.durations.record(fn, cpu.now() - began);
  cpu.trace(Trace.workEnd, work, workqueueNumber(queue), 0, 0);
  running.delete(work);
}
