import { type Coroutine, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { SlabCounts } from '../slab-common/types.js';
import { countSlabs } from './node-handlers.js';

/** get_slabinfo (mm/slub.c 4.10): objects count as free in partial slabs only, and every slab as active. */
export function* getSlabinfo(cpu: Cpu, cache: Handle): Coroutine<SlabCounts[]> {
  const counts = yield* requestAll(cpu.allNodes, countSlabs, { cache });
  return counts.map(({ slabs, objects, free }) => ({ slabs, objects, freeSlabs: 0, freeObjects: free, shared: 0 }));
}
