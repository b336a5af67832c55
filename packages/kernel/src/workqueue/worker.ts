import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuNoteContextSwitch } from '../rcu/quiescent.js';
import { defineFunction } from '../registry.js';
import { clearPending } from './items.js';
import { nextWork, type PoolName, UNBOUND, workerThread } from './pools.js';
import { attributesOf, type WorkqueueName, workqueueNames, workqueueNumber } from './queues.js';

for (const name of workqueueNames) {
  const queue = name as WorkqueueName;
  const { type } = attributesOf(queue);
  defineFunction('thread', workerThread(queue), function* kworker(cpu, data) {
    if (type === 'bound') yield* call(workerLoop, cpu, { queue, cpu: data }, cpu.nodeOf(data));
    else yield* call(workerLoop, cpu, { queue, cpu: UNBOUND }, data);
  });
}

/**
 * worker_thread (kernel/workqueue.c 4.10): run items of one pool until none is left. The worker of an unbound pool, or of
 * the pool of a CPU that went away, stays on the CPU on which it was woken; between two items it lets others run.
 */
function* workerLoop(cpu: Cpu, pool: PoolName, home: number): Coroutine<void> {
  const { queue, cpu: of } = pool;
  let item = yield* request(home, nextWork, { queue, cpu: of, finished: null });
  while (item !== null) {
    yield* call(processOneWork, cpu, pool, item.work);
    rcuNoteContextSwitch(cpu);
    item = yield* request(home, nextWork, { queue, cpu: of, finished: item });
  }
}

/**
 * process_one_work: clear PENDING, run the function. The pool has the item among those it executes since before, so
 * whoever queues it again finds it (WQ-2). The item is not touched once its function has started.
 */
function* processOneWork(cpu: Cpu, { queue, cpu: pool }: PoolName, work: Handle): Coroutine<void> {
  const start = { work, cpu: cpu.id, pool, queue: workqueueNumber(queue) };
  const { fn, data } = yield* request(homeOf(work), clearPending, start, work);
  cpu.counters.add(fn);
  const began = cpu.now();
  yield* call(cpu.build.functions.find('work', fn), cpu, data);
  cpu.durations.record(fn, cpu.now() - began);
}
