import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../registry.js';
import { setPending } from './items.js';
import { attributesOf, type WorkqueueName, workqueueNames } from './queues.js';
import { queuePending } from './workqueue.js';

/** The RCU callback that queues the items of a workqueue. */
export const rcuWorkCallback = (queue: WorkqueueName): string => `rcu_work_rcufn:${attributesOf(queue).name}`;

/** Stands for the CPU that will queue the item: the one on which the callback runs, another one if this goes down. */
const AFTER_GRACE_PERIOD = -1;

/** CPU of the bound pool that an item last ran in, or -1. */
const lastCpuOf = defineHandler(
  'wq.lastCpu',
  (node, args: { work: Handle }, context): number => node.works.get(args.work, context.step).lastCpu,
);

/**
 * queue_rcu_work (5.2): queue an item after a grace period, on the CPU that asks for it. False if it is pending already: it
 * is so from now on. Any context.
 */
export function* queueRcuWork(cpu: Cpu, queue: WorkqueueName, work: Handle): Coroutine<boolean> {
  cpu.counters.add('queue_work');
  const { queued } = yield* request(homeOf(work), setPending, { work, cpu: AFTER_GRACE_PERIOD }, work);
  if (queued) yield* call(callRcu, cpu, rcuWorkCallback(queue), work);
  return queued;
}

for (const queue of workqueueNames) {
  defineFunction('rcu', rcuWorkCallback(queue), function* rcuWorkRcufn(cpu, work) {
    const lastCpu = yield* request(homeOf(work), lastCpuOf, { work }, work);
    yield* call(queuePending, cpu, queue, work, lastCpu);
  });
}
