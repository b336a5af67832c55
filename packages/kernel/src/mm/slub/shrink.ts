import { type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { Trace } from '../../tracepoints.js';
import { discardSlabs } from './deactivate.js';
import { flushAll } from './flush.js';
import { countSlabs, takeEmpty } from './node-handlers.js';

/** A shrink has discarded one node's empty slabs and has not yet gone on to the next. */
export const NEXT_NODE = definePoint('kmem_cache_shrink:next-node');

function* passNextNode(cpu: Cpu, cache: Handle): Coroutine<void> {
  const gone = () => !cpu.published.caches.isCurrent(cache);
  yield* call(preemptionPoint, cpu, NEXT_NODE, cache, { changed: gone, gone });
}

/**
 * __kmem_cache_shrink (mm/slub.c 4.10): flush the CPUs that hold slabs, then discard all empty slabs node by node and sort the
 * rest. Takes no lock. Evaluates to true if no slab is left on any node; a version whose shrink tells nothing, as 3.14,
 * says so always, and leaves nodes without partial slabs alone. If nothing holds the cache, somebody else may destroy it
 * meanwhile (V0-d) or have done so before (V0-i).
 */
export function* slubShrink(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  cpu.counters.add('kmem_cache_shrink');
  const { shrinkTellsSlabsLeft } = cpu.build.policies.slub;
  const visit = { cache, shrunkSince: cpu.now() };
  yield* call(flushAll, cpu, cache);
  let empty = true;
  for (const node of cpu.allNodes) {
    if (!shrinkTellsSlabsLeft && (yield* request(node, countSlabs, visit, cache)).partial === 0) continue;
    yield* call(discardSlabs, cpu, cache, yield* request(node, takeEmpty, { ...visit, sort: true }, cache));
    if (cpu.instrumented) yield* call(passNextNode, cpu, cache);
    if (shrinkTellsSlabsLeft && (yield* request(node, countSlabs, visit, cache)).slabs > 0) empty = false;
  }
  return empty;
}

/** kmem_cache_close: flush, then discard all empty slabs; false as soon as a node has any slab left. Caller holds slab_mutex. */
export function* kmemCacheClose(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  cpu.counters.add('shutdown_cache');
  yield* call(flushAll, cpu, cache);
  const empty = yield* call(freePartial, cpu, cache);
  cpu.trace(Trace.cacheShutdown, cache, Number(empty), 0, 0);
  return empty;
}

/** free_partial for each node. */
function* freePartial(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  for (const node of cpu.allNodes) {
    yield* call(discardSlabs, cpu, cache, yield* request(node, takeEmpty, { cache, sort: false }, cache));
    const { partial, slabs } = yield* request(node, countSlabs, { cache }, cache);
    if (partial > 0 || slabs > 0) return false;
  }
  return true;
}
