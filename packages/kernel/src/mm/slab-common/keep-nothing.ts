import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { synchronizeSched } from '../../rcu/synchronize.js';
import { defineHandler } from '../../registry.js';
import { setRetention } from '../slub/node-handlers.js';

/*
 * A dead cache keeps nothing (June 2014): SLUB drops a slab as soon as it is empty, SLAB puts freed objects into their slabs at once
 * and drops those that are empty.
 */

/** Below every number of partial slabs, also where one slab more than min_partial is kept. */
const NOT_ONE = -1;

const keepNoObjects = defineHandler('slab.keepNothing', (node, args: { cache: Handle }, context): void => {
  node.published.caches.write(args.cache, CacheField.keepsNothing, 1);
  node.slabNode(args.cache, context.step).freeLimit = 0;
});

/**
 * From now on frees leave nothing behind; what is there already, a shrink takes. CPUs that have not seen the mark yet have
 * ended their frees before it: with SLAB they do that with interrupts off, and the shrink interrupts every CPU; with SLUB this waits for a
 * grace period. Process context.
 */
export function* keepNothing(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (cpu.build.allocator.name === 'slab') {
    yield* requestAll(cpu.allNodes, keepNoObjects, { cache });
    return;
  }
  yield* requestAll(cpu.allNodes, setRetention, { cache, minPartial: NOT_ONE, cpuPartial: 0 });
  yield* call(synchronizeSched, cpu);
}
