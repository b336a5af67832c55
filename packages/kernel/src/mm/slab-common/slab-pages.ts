import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { callRcu } from '../../rcu/callbacks.js';
import { defineFunction } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { allocPagesNode, freePagesAt } from '../page-alloc.js';
import { type DetachedSlab, SlabFlag } from '../slab/types.js';

/** Pages of a slab to be, with the memcg that is charged for them, 0 if none is. */
export interface ChargedPages {
  readonly page: Handle;
  readonly memcg: Handle;
}

/** 2^order pages of one node, charged to the cache's memcg; null if there is no memory or the charge is denied. */
export function* allocSlabPages(
  cpu: Cpu,
  cache: Handle,
  order: number,
  node = cpu.node,
): Coroutine<ChargedPages | null> {
  const { chargeAhead, chargeSlab } = cpu.build.policies.memcg;
  if (chargeAhead !== null && !(yield* call(chargeAhead.charge, cpu, cache, order))) return null;
  const page = yield* call(allocPagesNode, cpu, order, node);
  if (page === 0) {
    if (chargeAhead !== null) yield* call(chargeAhead.uncharge, cpu, cache, order);
    return null;
  }
  const memcg = yield* call(chargeSlab, cpu, cache, order, page);
  if (memcg >= 0) return { page, memcg };
  yield* call(freePagesAt, cpu, page);
  return null;
}

/** slab_destroy, free_slab: give a slab's pages back at once, or through RCU for a SLAB_DESTROY_BY_RCU cache. */
export function* slabDestroy(cpu: Cpu, cache: Handle, slab: DetachedSlab): Coroutine<void> {
  if ((cpu.published.caches.read(cache, CacheField.flags) & SlabFlag.destroyByRcu) !== 0) {
    cpu.rcuSlabs.set(slab.page, { cache, slab });
    yield* call(callRcu, cpu, kmemRcuFree, slab.page);
    return;
  }
  yield* call(kmemFreepages, cpu, cache, slab);
}

/** kmem_freepages, __free_slab: what the version's accounting has for the block goes, then its pages. */
function* kmemFreepages(cpu: Cpu, cache: Handle, slab: DetachedSlab): Coroutine<void> {
  const { unchargeSlab, freeSlabHook, chargeAhead } = cpu.build.policies.memcg;
  if (freeSlabHook !== null) yield* call(freeSlabHook, cpu, slab.page);
  yield* call(unchargeSlab, cpu, cache, slab.memcg, slab.order, slab.page);
  yield* call(freePagesAt, cpu, slab.page);
  if (chargeAhead !== null) yield* call(chargeAhead.uncharge, cpu, cache, slab.order);
}

/** kmem_rcu_free, rcu_free_slab: runs on the CPU that queued it, where the slab waits. */
const kmemRcuFree = defineFunction('rcu', 'kmem_rcu_free', function* kmemRcuFreeCallback(cpu, page) {
  const waiting = cpu.rcuSlabs.get(page);
  if (waiting === undefined) return;
  cpu.rcuSlabs.delete(page);
  cpu.trace(Trace.rcuPageFree, waiting.slab.page, waiting.cache, 0, 0);
  yield* call(kmemFreepages, cpu, waiting.cache, waiting.slab);
});
