import { type Coroutine, call, raise, Vector } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { csdEnqueue, type Enqueue, ringTarget } from '../../smp/handlers.js';
import { wrapHandler } from './wrap-handler.js';

export const ringTwice: Patch = {
  name: 'ring-twice',
  summary: 'a mask call raises an interrupt for each csd that it queues, and then once more as the version does',
  mutation: true,
  breaks: 'SMP-6',
  apply: (kernel) => {
    wrapHandler<Enqueue, void>(kernel, csdEnqueue.name, (enqueue) => (node, args, context) => {
      enqueue(node, { ...args, ring: 'ifEmpty' }, context);
      const byMask = args.vector === Vector.callFunction && args.ring === 'ifEmpty';
      if (byMask) ringTarget(node, args, context);
    });
  },
};

export const kickSelf: Patch = {
  name: 'kick-self',
  summary: 'publishing an array set interrupts the publishing CPU, too, even if it is the only one',
  mutation: true,
  breaks: 'SMP-7',
  apply: ({ policies }) => {
    const { afterPublish } = policies.slab;
    policies.slab.afterPublish = function* interruptSelf(cpu, previous): Coroutine<void> {
      yield* raise([cpu.id], Vector.callFunction);
      yield* call(afterPublish, cpu, previous);
    };
  },
};

export const handleTwice: Patch = {
  name: 'handle-twice',
  summary: 'each call-function interrupt runs its handler twice',
  mutation: true,
  breaks: 'SMP-10',
  apply: ({ interruptHandlers }) => {
    for (const vector of [Vector.callFunction, Vector.callFunctionSingle]) {
      const handler = interruptHandlers[vector];
      if (handler === undefined) continue;
      interruptHandlers[vector] = function* handleAgain(cpu): Coroutine<void> {
        yield* call(handler, cpu, vector);
        yield* call(handler, cpu, vector);
      };
    }
  },
};
