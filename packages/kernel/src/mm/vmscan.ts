import { type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { CssField, memcgCacheId, rootMemcg } from '../published-state.js';
import { GLOBAL_LIST } from './list-lru.js';
import { memCgroupTree } from './memcontrol/hierarchy.js';
import { listsInUse, shrinkSlab } from './shrinker.js';
import { vmpressurePrio } from './vmpressure.js';

/** DEF_PRIORITY: a reclaim looks at 1/4096 of all pages first, at all of them with priority 0. */
const FIRST_PRIORITY = 12;
/** SWAP_CLUSTER_MAX: what shrink_slab takes for the pages scanned where there are none. */
const SCANNED = 32;

/**
 * try_to_free_mem_cgroup_pages (mm/vmscan.c 4.10): direct reclaim from a memcg and all below it, priority by priority. The
 * model has no pages that could be swapped or written back, so every round scans the memcgs' slab objects; their memory comes
 * back through RCU, after this returns. Process context, may block.
 */
export function* tryToFreeMemCgroupPages(cpu: Cpu, memcg: Handle): Coroutine<void> {
  cpu.counters.add('try_to_free_mem_cgroup_pages');
  for (let priority = FIRST_PRIORITY; priority >= 0; priority--) {
    yield* call(vmpressurePrio, cpu, memcg, priority);
    for (const node of cpu.allNodes) yield* call(shrinkNode, cpu, node, memcg);
  }
}

/** shrink_node (4.10) for the online memcgs of a tree; what the dead ones had lies on their parents' lists. */
function* shrinkNode(cpu: Cpu, node: number, root: Handle): Coroutine<void> {
  const inUse = new Set(yield* request(node, listsInUse, null));
  if (inUse.size === 0) return;
  for (const memcg of yield* call(memCgroupTree, root)) {
    const id = listIdOf(cpu, memcg);
    if (id !== null && inUse.has(id)) yield* call(shrinkSlab, cpu, { node, id }, SCANNED, 0);
  }
}

/** The memcg's own lists; null if it has gone offline, so that it has none any more. */
function listIdOf({ published }: Cpu, memcg: Handle): number | null {
  if (memcg === rootMemcg(published)) return GLOBAL_LIST;
  return published.csses.read(memcg, CssField.kmemOnline) === 1 ? memcgCacheId(published, memcg) : null;
}
