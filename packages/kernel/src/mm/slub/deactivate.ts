import { type Coroutine, call, type Handle, homeOf, type ObjectRef, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import type { DetachedSlab } from '../slab/types.js';
import { slabDestroy } from '../slab-common/slab-pages.js';
import { retentionOf } from './cpu-slab.js';
import type { CpuPartial, KmemCacheCpu } from './kmem-cache-cpu.js';
import { setRetention } from './node-handlers.js';
import { decSlabsNode, giveBack, unfreeze, unfreezePartials } from './page-handlers.js';

/** Between dropping list_lock, under which an empty slab left its node, and using its cache again. */
export const UNLOCKED_EMPTY_SLAB = definePoint('discard_slab:unlocked');

/**
 * discard_slab (mm/slub.c 4.10): an empty slab that nobody else knows any more is counted out of its node and freed, through
 * RCU if the cache is RCU-typed. No lock is held.
 */
export function* discardSlab(cpu: Cpu, cache: Handle, slab: DetachedSlab): Coroutine<void> {
  if (cpu.instrumented) {
    const gone = () => !cpu.published.caches.isCurrent(cache);
    yield* call(preemptionPoint, cpu, UNLOCKED_EMPTY_SLAB, cache, { changed: gone, gone });
  }
  yield* request(homeOf(slab.page), decSlabsNode, { cache, page: slab.page }, slab.page);
  yield* call(slabDestroy, cpu, cache, slab);
}

export function* discardSlabs(cpu: Cpu, cache: Handle, slabs: readonly DetachedSlab[]): Coroutine<void> {
  for (const slab of slabs) yield* call(discardSlab, cpu, cache, slab);
}

/**
 * deactivate_slab (4.10): a frozen slab is given up: first the private objects, then the slab itself, which is discarded if it
 * is empty and the node has enough without it. Interrupts off.
 */
export function* deactivateSlab(cpu: Cpu, cache: Handle, page: Handle, freelist: ObjectRef[]): Coroutine<void> {
  const empty = yield* call(unfreezeSlab, cpu, cache, page, freelist);
  if (empty !== null) yield* call(discardSlab, cpu, cache, empty);
}

function* unfreezeSlab(cpu: Cpu, cache: Handle, page: Handle, freelist: ObjectRef[]): Coroutine<DetachedSlab | null> {
  const home = homeOf(page);
  if (freelist.length > 0) yield* request(home, giveBack, { page, objects: freelist }, page);
  const deactivation = { cache, page, tail: freelist.length === 0, retention: retentionOf(cpu) };
  return yield* request(home, unfreeze, deactivation, page);
}

/** flush_slab (4.10): this CPU gives up its slab. Until that is done the slab shows as the CPU's. Interrupts off. */
export function* flushSlab(cpu: Cpu, slab: KmemCacheCpu): Coroutine<void> {
  yield* call(deactivateSlab, cpu, slab.cache, slab.page, slab.freelist);
  slab.page = 0;
  slab.freelist = [];
}

/**
 * unfreeze_partials (4.10): all slabs of a CPU's partial list go to their nodes, one section under list_lock for consecutive
 * slabs of a node; those that are not kept are discarded afterwards. Interrupts off.
 * @param next the next slab of the list, which loses it
 */
export function* unfreezeSlabs(cpu: Cpu, cache: Handle, next: () => CpuPartial | undefined): Coroutine<void> {
  const empty: DetachedSlab[] = [];
  const retention = retentionOf(cpu);
  for (let first = next(); first !== undefined; ) {
    const home = homeOf(first.page);
    const pages: Handle[] = [];
    for (; first !== undefined && homeOf(first.page) === home; first = next()) pages.push(first.page);
    empty.push(...(yield* request(home, unfreezePartials, { cache, pages, retention }, cache)));
  }
  yield* call(discardSlabs, cpu, cache, empty);
}

/**
 * The first half of deactivating a memcg's cache (kmemcg_deactivate, since 4.0): its nodes and CPUs keep no empty slabs from
 * here on. A CPU that has read the old value may still park one slab: only after a grace period of sched-RCU does a
 * shrink leave nothing behind. Caller holds slab_mutex.
 */
export function* slubZeroRetention(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* requestAll(cpu.allNodes, setRetention, { cache, minPartial: 0, cpuPartial: 0 });
}
