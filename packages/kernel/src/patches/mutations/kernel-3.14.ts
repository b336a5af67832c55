import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { cssPut } from '../../cgroup/css-ref.js';
import { listMemcgCaches } from '../../mm/memcontrol/register-cache.js';
import { unchargeLevel } from '../../mm/memcontrol/res-counter.js';
import type { CounterName } from '../../mm/memcontrol/types.js';
import { DO_CCUPDATE_LOCAL, describeSet, setCpuCache } from '../../mm/slab/tune.js';
import { onEachCpu } from '../../smp/call-function.js';
import { Trace } from '../../tracepoints.js';
import { withoutBarrier } from './barriers.js';
import { wrapHandler } from './wrap-handler.js';

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
  aimed: true,
  appliesTo,
  apply: withoutBarrier('memcg'),
};

export const keepKmemUsage: Patch = {
  name: 'keep-kmem-usage',
  summary: 'uncharging leaves the kmem counters of all memcgs as they are',
  mutation: true,
  breaks: 'MEMCG-1',
  appliesTo,
  apply: (kernel) => {
    type Uncharge = { css: Handle; counter: CounterName; bytes: number };
    wrapHandler<Uncharge, unknown>(kernel, unchargeLevel.name, (uncharge) => (node, args, context) => {
      const bytes = args.counter === 'kmem' ? 0 : args.bytes;
      return uncharge(node, { ...args, bytes }, context);
    });
  },
};

export const putForCaches: Patch = {
  name: 'put-for-caches',
  summary: 'a memcg that goes offline gives up the references that its caches hold on it',
  mutation: true,
  breaks: 'MEMCG-3',
  appliesTo,
  apply: ({ policies }) => {
    const { offline } = policies.memcg;
    policies.memcg.offline = function* offlineThenPut(cpu, css): Coroutine<void> {
      yield* call(offline, cpu, css);
      const caches = yield* request(homeOf(css), listMemcgCaches, { css }, css);
      if (caches.length > 0) yield* call(cssPut, cpu, css, caches.length);
    };
  },
};
