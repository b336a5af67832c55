import { type Coroutine, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';
import type { SlabCounts } from '../slab-common/types.js';

/** Counts of one cache on this node, under its list_lock (get_slabinfo, mm/slab.c 4.10). */
const countSlabs = defineHandler('slab.count', (node, args: { cache: Handle }, context): SlabCounts => {
  const { totalSlabs, num, free, freeObjects, shared } = node.slabNode(args.cache, context.step);
  return {
    slabs: totalSlabs,
    objects: totalSlabs * num,
    freeSlabs: free.length,
    freeObjects,
    shared: shared?.length ?? 0,
  };
});

/** get_slabinfo: what each node has of a cache. */
export function* getSlabinfo(cpu: Cpu, cache: Handle): Coroutine<SlabCounts[]> {
  return yield* requestAll(cpu.allNodes, countSlabs, { cache });
}
