import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { callbackCounts, executeBarrier } from '../../rcu/barrier.js';
import { callRcu } from '../../rcu/callbacks.js';
import type { Flavour } from '../../rcu/flavours.js';
import { hrtimerNanosleep } from '../../sched/timer.js';
import { beginCssFreeCallback } from './css-free-callbacks.js';
import { wrapHandler } from './wrap-handler.js';

export const callbackTooEarly: Patch = {
  name: 'callback-too-early',
  summary: 'with the callbacks whose grace period is over, those are invoked that wait for the next one',
  mutation: true,
  breaks: 'RCU-1',
  apply: ({ policies }) => {
    const { takeReady } = policies.rcu;
    policies.rcu.takeReady = (data, most) => {
      data.callbacks.advance(data.completedSeen + 1);
      return takeReady(data, most);
    };
  },
};

export const lifoCallbacks: Patch = {
  name: 'lifo-callbacks',
  summary: 'callbacks whose grace period is over are invoked in reverse order',
  mutation: true,
  breaks: 'RCU-2',
  apply: ({ policies }) => {
    const { takeReady } = policies.rcu;
    policies.rcu.takeReady = (data, most) => takeReady(data, most).reverse();
  },
};

export const barrierFindsNothing: Patch = {
  name: 'barrier-finds-nothing',
  summary: 'rcu_barrier takes it that no CPU has callbacks',
  mutation: true,
  breaks: 'RCU-5',
  apply: (kernel) => {
    wrapHandler<{ flavour: Flavour }, number[]>(
      kernel,
      callbackCounts.name,
      (read) => (node, args, context) => read(node, args, context).map(() => 0),
    );
  },
};

export const barriersOverlap: Patch = {
  name: 'barriers-overlap',
  summary: 'rcu_barrier takes no mutex, so that several run at a time',
  mutation: true,
  shownBy: 'rcutorture 2x2',
  breaks: 'RCU-6',
  apply: ({ policies }) => {
    policies.rcu.barrier = executeBarrier;
  },
};

export const sleepInCallback: Patch = {
  name: 'sleep-in-callback',
  summary: 'the RCU callback of a css sleeps before it queues the item that frees it',
  mutation: true,
  breaks: 'RCU-8',
  apply: (kernel) => {
    beginCssFreeCallback(kernel, function* sleep(cpu): Coroutine<void> {
      yield* call(hrtimerNanosleep, cpu, 1000);
    });
  },
};

export const queueHeadTwice: Patch = {
  name: 'queue-head-twice',
  summary: 'a released css is given to call_rcu twice',
  mutation: true,
  breaks: 'RCU-11',
  // 3.14 releases a css without an item, and from 5.2 on another callback frees it.
  appliesTo: ['v4.10', 'v4.12'],
  apply: ({ functions }) => {
    functions.replaceFunction(
      'work',
      'css_release_work_fn',
      (original) =>
        function* releaseTwice(cpu, css): Coroutine<void> {
          yield* call(original, cpu, css);
          yield* call(callRcu, cpu, 'css_free_rcu_fn', css);
        },
    );
  },
};

export const requeueHeadTwice: Patch = {
  name: 'requeue-head-twice',
  summary: 'the RCU callback of a css gives its own rcu_head to call_rcu, which it may, and then once more',
  mutation: true,
  breaks: 'RCU-11',
  apply: (kernel) => {
    beginCssFreeCallback(kernel, function* queueTwice(cpu, name, data): Coroutine<void> {
      yield* call(callRcu, cpu, name, data);
      yield* call(callRcu, cpu, name, data);
    });
  },
};
