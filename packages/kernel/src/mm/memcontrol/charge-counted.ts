import { type Coroutine, call, type Handle, homeOf } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { percpuRefGet, percpuRefPut } from '../../percpu-ref/percpu-ref.js';
import { CacheField, rootMemcg } from '../../published-state.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { cacheRefs } from './cache-refs.js';
import { DENIED, memcgKmemCharge } from './charge.js';
import { parentMemCgroup } from './hierarchy.js';
import { modLruvecSlabState, slabItemOf } from './lruvec-stats.js';
import { pageCounterUncharge } from './page-counter.js';

/** The cache's memcg, or its nearest ancestor that is online, with a reference; 0 if that is the root, which is never charged. */
function* onlineMemcgOf(cpu: Cpu, cache: Handle): Coroutine<Handle> {
  const { caches } = cpu.published;
  let memcg = caches.read(cache, CacheField.memcg);
  while (memcg !== 0 && memcg !== rootMemcg(cpu.published)) {
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
    yield* call(percpuRefGet, cpu, cacheRefs, cache, pages);
    return 0;
  }
  const charged = yield* call(memcgKmemCharge, cpu, memcg, order);
  if (charged) {
    yield* call(modLruvecSlabState, cpu, memcg, homeOf(page), slabItemOf(cpu, cache), pages);
    yield* call(percpuRefGet, cpu, cacheRefs, cache, pages);
    yield* call(cssPut, cpu, memcg, pages);
  }
  yield* call(cssPut, cpu, memcg);
  return charged ? 0 : DENIED;
}

/**
 * memcg_uncharge_slab (5.3): from the memcg that the cache belongs to now, read under RCU; then the pages' references on the
 * cache, of which the last one releases it.
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
  if (memcg !== rootMemcg(cpu.published)) {
    yield* call(modLruvecSlabState, cpu, memcg, homeOf(page), slabItemOf(cpu, cache), -pages);
    yield* call(pageCounterUncharge, memcg, 'kmem', pages);
    yield* call(pageCounterUncharge, memcg, 'memory', pages);
  }
  rcuReadUnlock(cpu);
  yield* call(percpuRefPut, cpu, cacheRefs, cache, pages);
}
