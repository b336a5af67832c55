import { type Coroutine, call, requestAll } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { DO_CCUPDATE_LOCAL, describeSet, setCpuCache } from '../../mm/slab/tune.js';
import { onEachCpu } from '../../smp/call-function.js';
import { Trace } from '../../tracepoints.js';
import { withoutBarrier } from './barriers.js';

const appliesTo = ['v3.14'];

export const swapWithoutWaiting: Patch = {
  name: 'swap-without-waiting',
  summary: 'the CPUs are told to swap their array pointers, but nobody waits until they have',
  mutation: true,
  breaks: 'SLAB-4',
  appliesTo,
  apply: ({ policies }) => {
    policies.slab.swapArrays = function* swapLater(cpu, { cache, set, previous, tunables }): Coroutine<void> {
      yield* requestAll(cpu.allNodes, describeSet, { cache, set, tunables });
      cpu.trace(Trace.arrayPublish, cache, set, previous, 1);
      yield* call(onEachCpu, cpu, DO_CCUPDATE_LOCAL, set, false);
      yield* requestAll(cpu.allNodes, setCpuCache, { cache, set });
    };
    policies.slab.kicksPerPublish = null;
  },
};

export const forgetLastPage: Patch = {
  name: 'forget-last-page',
  summary: 'nobody looks whether the pages that a dead cache gives up were its last',
  mutation: true,
  breaks: 'leak',
  appliesTo,
  apply: ({ functions }) => functions.replaceHandler('memcg.isDead', () => () => false),
};

export const noBarrierBeforeDestroy: Patch = {
  name: 'no-barrier-before-destroy',
  summary:
    'an RCU-typed cache of a memcg is destroyed without an rcu_barrier, while a page callback of it may still run',
  mutation: true,
  breaks: 'use-after-free',
  appliesTo,
  apply: withoutBarrier('memcg'),
};
