import { type Coroutine, call, type Handle, homeOf } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { percpuRefGet, percpuRefPut } from '../../percpu-ref/percpu-ref.js';
import { CacheField, rootMemcg } from '../../published-state.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { cacheRefs } from './cache-refs.js';
import { DENIED, memcgKmemCharge } from './charge.js';
import { parentMemCgroup } from './hierarchy.js';
import { slabItemOf } from './lruvec-counters.js';
import { modLruvecSlabState } from './lruvec-stats.js';
import { pageCounterTryCharge, pageCounterUncharge } from './page-counter.js';

/** The cache's memcg, or its nearest ancestor that is online, with a reference; 0 if there is none. The root, which is online for ever, counts only where it is charged. */
function* onlineMemcgOf(cpu: Cpu, cache: Handle): Coroutine<Handle> {
  const { caches } = cpu.published;
  let memcg = caches.read(cache, CacheField.memcg);
  const { chargesRoot } = cpu.build.policies.memcg.lifecycle;
  while (memcg !== 0 && (chargesRoot || memcg !== rootMemcg(cpu.published))) {
    if (yield* call(cssTrygetOnline, cpu, memcg)) return memcg;
    memcg = yield* call(parentMemCgroup, memcg);
  }
  return 0;
}

/**
 * memcg_charge_slab (5.3): charge an online memcg, then swap the pages' css references for references on the cache. Evaluates
 * to 0 (page->mem_cgroup is not set), or a negative number if a limit forbids it.
 */
export function* chargeCountedSlab(cpu: Cpu, cache: Handle, order: number, page: Handle): Coroutine<Handle> {
  if (cpu.published.caches.read(cache, CacheField.root) === 0) return 0;
  const pages = 2 ** order;
  rcuReadLock(cpu);
  const memcg = yield* call(onlineMemcgOf, cpu, cache);
  rcuReadUnlock(cpu);
  if (memcg === 0) {
    if (cpu.build.policies.memcg.lifecycle.chargesRoot) return DENIED;
    yield* call(percpuRefGet, cpu, cacheRefs, cache, pages);
    return 0;
  }
  if (memcg === rootMemcg(cpu.published)) return yield* call(chargeRootSlab, cpu, cache, order, page);
  const charged = yield* call(memcgKmemCharge, cpu, memcg, order);
  if (charged) {
    yield* call(modLruvecSlabState, cpu, memcg, homeOf(page), slabItemOf(cpu.published, cache), pages);
    yield* call(percpuRefGet, cpu, cacheRefs, cache, pages);
    yield* call(cssPut, cpu, memcg, pages);
  }
  yield* call(cssPut, cpu, memcg);
  return charged ? 0 : DENIED;
}

/**
 * memcg_charge_slab as posted, for a cache that has come to the root memcg (V5p-g): try_charge lets the root off, its kmem counter
 * is charged like any other, and its css is not counted.
 */
function* chargeRootSlab(cpu: Cpu, cache: Handle, order: number, page: Handle): Coroutine<Handle> {
  const root = rootMemcg(cpu.published);
  const pages = 2 ** order;
  if (cpu.build.config.cgroup === 'v1') yield* call(pageCounterTryCharge, root, 'kmem', pages);
  yield* call(modLruvecSlabState, cpu, root, homeOf(page), slabItemOf(cpu.published, cache), pages);
  yield* call(percpuRefGet, cpu, cacheRefs, cache, pages);
  return 0;
}

/**
 * memcg_uncharge_slab (5.3): from the memcg that the cache belongs to now, read under RCU; then the pages' references on the
 * cache, of which the last one releases it. The posted form uncharges the root of what it was never charged.
 */
export function* unchargeCountedSlab(
  cpu: Cpu,
  cache: Handle,
  _memcg: Handle,
  order: number,
  page: Handle,
): Coroutine<void> {
  const { caches } = cpu.published;
  if (caches.read(cache, CacheField.root) === 0) return;
  const pages = 2 ** order;
  rcuReadLock(cpu);
  const memcg = caches.read(cache, CacheField.memcg);
  if (memcg === 0)
    cpu.bug(`a page of cache ${cache.toString(16)} is uncharged after the cache was unlinked from its memcg`);
  if (memcg !== rootMemcg(cpu.published) || cpu.build.policies.memcg.lifecycle.chargesRoot) {
    yield* call(modLruvecSlabState, cpu, memcg, homeOf(page), slabItemOf(cpu.published, cache), -pages);
    if (cpu.build.config.cgroup === 'v1') yield* call(pageCounterUncharge, memcg, 'kmem', pages);
    yield* call(pageCounterUncharge, memcg, 'memory', pages);
  }
  rcuReadUnlock(cpu);
  yield* call(percpuRefPut, cpu, cacheRefs, cache, pages);
}
