import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { memcgCacheId, memcgKmemIsActive } from '../../published-state.js';
import { synchronizeSched } from '../../rcu/synchronize.js';
import { defineHandler } from '../../registry.js';
import { memcgFreeCacheId } from './cache-ids.js';
import { childCachesOf } from './child-caches.js';
import { testAndClearKmemDead } from './kmem-charge.js';
import { resCounterUsage } from './res-counter.js';

/** css_offline has begun. */
const markOffline = defineHandler('memcg.markOffline', (node, args: { css: Handle }, context): void => {
  node.memcg(args.css, context.step).kmemState = 'allocated';
});

/** memcg_kmem_mark_dead. */
const markKmemDead = defineHandler('memcg.markKmemDead', (node, args: { css: Handle }, context): void => {
  node.memcg(args.css, context.step).kmemDead = true;
});

/** kmem_cgroup_css_offline (3.14): the memcg holds itself until its kmem usage is 0. */
function* kmemCgroupCssOffline(cpu: Cpu, css: Handle): Coroutine<void> {
  if (!memcgKmemIsActive(cpu.published, css)) return;
  yield* call(cssGet, cpu, css);
  yield* request(homeOf(css), markKmemDead, { css }, css);
  if ((yield* call(resCounterUsage, css, 'kmem')) !== 0) return;
  if (yield* request(homeOf(css), testAndClearKmemDead, { css }, css)) yield* call(cssPut, cpu, css);
}

/**
 * mem_cgroup_reparent_charges (3.14): until nothing but kmem is charged, bring the pages of all CPUs onto the lists
 * (lru_add_drain_all), let those that charge see that pages move (one grace period), and move them to the parent. The
 * model has no user pages and 3.14's stock holds no reference, so one round does.
 */
function* reparentCharges(cpu: Cpu, css: Handle): Coroutine<void> {
  for (;;) {
    cpu.counters.add('lru_add_drain_all');
    yield* call(synchronizeSched, cpu);
    const usage = yield* call(resCounterUsage, css, 'memory');
    if (usage <= (yield* call(resCounterUsage, css, 'kmem'))) return;
  }
}

/** mem_cgroup_css_offline (3.14). Caller holds cgroup_mutex, for a grace period. */
export function* memCgroupCssOffline(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* request(homeOf(css), markOffline, { css }, css);
  const { holdsMemcg, flushCreations, offline } = childCachesOf(cpu);
  if (holdsMemcg) yield* call(kmemCgroupCssOffline, cpu, css);
  yield* call(reparentCharges, cpu, css);
  if (flushCreations !== null) yield* call(flushCreations, cpu);
  yield* call(offline, cpu, css);
}

/** mem_cgroup_css_free (3.14), without cgroup_mutex: charges may have come since; then the index of the memcg goes. */
export function* memCgroupCssFree(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(reparentCharges, cpu, css);
  if (memcgKmemIsActive(cpu.published, css)) yield* call(memcgFreeCacheId, cpu, memcgCacheId(cpu.published, css));
}
