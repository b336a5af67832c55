import { type Coroutine, call, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineHandler } from '../registry.js';
import { hrtimerNanosleep } from '../sched/timer.js';

/* Memory that is short: what an allocation with __GFP_WAIT, __GFP_DIRECT_RECLAIM later, may do before it gets any. */

const publishReclaim = defineHandler('reclaim.publish', (node, args: { us: number }): void => {
  node.published.setScalar(Scalar.reclaimUs, args.us);
});

/** From now on allocations that may sleep do so for so many µs; 0: memory is plentiful again. */
export function* makeMemoryShort(cpu: Cpu, us: number): Coroutine<void> {
  yield* requestAll(cpu.allNodes, publishReclaim, { us });
}

/**
 * __alloc_pages_direct_reclaim: the task sleeps until others have written pages back. Only in process context, with interrupts
 * and preemption on; nothing while memory is plentiful.
 */
export function* directReclaim(cpu: Cpu): Coroutine<void> {
  const us = cpu.published.scalar(Scalar.reclaimUs);
  if (us > 0 && cpu.maySleep && !cpu.accounting.skips(cpu.taskId)) yield* call(hrtimerNanosleep, cpu, us * 1000);
}
