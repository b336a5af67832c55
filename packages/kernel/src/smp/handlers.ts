import { cpuOfWaiter, type HandlerContext, Vector } from '@kmemlab/machine';
import type { NodeMemory } from '../node-memory.js';
import { defineAtomic } from '../registry.js';
import { Trace } from '../tracepoints.js';
import type { CallSingleData } from './call-queue.js';

/** Which targets of a csd get an IPI when it is queued: none (the caller raises it), or those whose queue was empty. */
export type RingRule = 'no' | 'ifEmpty';

/** What a csd is queued with. */
export interface Enqueue {
  readonly target: number;
  readonly csd: CallSingleData;
  readonly ring: RingRule;
  readonly vector: number;
}

/** arch_send_call_function_*_ipi to one CPU, for a csd in its queue. */
export function ringTarget(memory: NodeMemory, { target, csd, vector }: Enqueue, context: HandlerContext): void {
  memory.countIpi(csd.sender, target);
  memory.trace(Trace.ipiSend, context.cpu, target, vector, 1, Number(vector === Vector.callFunction));
  context.raise(target, vector);
}

/**
 * Put a csd onto the target's call queue. Models llist_add in generic_exec_single and smp_call_function_many, and, with
 * ring `ifEmpty`, the interrupt that follows it.
 */
export const csdEnqueue = defineAtomic('smp.csdEnqueue', (memory, args: Enqueue, context) => {
  const wasEmpty = memory.words(args.target).callQueue.add(args.csd);
  memory.counters.add('csd');
  memory.trace(
    Trace.csdQueue,
    context.cpu,
    args.target,
    args.csd.sender,
    args.csd.waiter,
    Number(args.csd.synchronous),
  );
  if (args.ring !== 'no' && wasEmpty) ringTarget(memory, args, context);
});

/** Release a csd at its sender: csd_unlock, with the times at which the target was interrupted and finished. */
export const csdUnlock = defineAtomic(
  'smp.csdUnlock',
  (memory, args: { waiter: number; target: number; raised: number; entered: number; done: number }, context) => {
    const sender = cpuOfWaiter(args.waiter);
    memory.words(sender).callTimes.set(args.target, args.raised, args.entered, args.done);
    memory.trace(Trace.csdUnlock, args.target, sender, args.waiter, 0, 0);
    context.complete(args.waiter, 0);
  },
);
