import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import type { Destruction } from '../../mm/slab-common/types.js';
import { from410To53 } from './applicable.js';

/** Without the rcu_barrier before caches are released that went in one of the two ways. */
export const withoutBarrier =
  (skipped: Destruction): Patch['apply'] =>
  ({ policies }) => {
    const { barrierBeforeRelease } = policies.slab;
    policies.slab.barrierBeforeRelease = function* sometimes(cpu, of): Coroutine<void> {
      if (of !== skipped) yield* call(barrierBeforeRelease, cpu, of);
    };
  };

export const noBarrierAtTeardown: Patch = {
  name: 'no-barrier-at-teardown',
  summary: 'the caches of a freed memcg are released without an rcu_barrier; pages that wait for RCU hold them anyway',
  mutation: true,
  silent: true,
  appliesTo: from410To53,
  apply: withoutBarrier('memcg'),
};

export const noBarrierAtRootDestruction: Patch = {
  name: 'no-barrier-at-root-destruction',
  summary: 'an RCU-typed root cache and its children are released without an rcu_barrier',
  mutation: true,
  breaks: 'SLAB-6',
  apply: withoutBarrier('root'),
};
