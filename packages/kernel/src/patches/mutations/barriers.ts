import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import type { Destruction } from '../../mm/slab-common/types.js';

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
  appliesTo: ['v4.10', 'v4.12', 'v5.2', 'v5.3'],
  apply: withoutBarrier('memcg'),
};

export const noBarrierAtRootDestruction: Patch = {
  name: 'no-barrier-at-root-destruction',
  summary: 'an RCU-typed root cache and its children are released without an rcu_barrier',
  mutation: true,
  breaks: 'SLAB-6',
  apply: withoutBarrier('root'),
};
