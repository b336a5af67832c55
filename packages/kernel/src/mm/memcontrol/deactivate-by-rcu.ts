import { call, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import { CacheField } from '../../published-state.js';
import { callRcuSched } from '../../rcu/callbacks.js';
import { defineFunction } from '../../registry.js';
import type { Deactivation } from '../slab-common/deactivate.js';
import { memcgOf, queueCacheWork, underSlabMutex } from './cache-work.js';
import type { EachCache } from './memcg-cache-lists.js';
import { isDying } from './root-dying.js';

/**
 * __kmemcg_cache_deactivate (4.12): the allocator's first half; if there is a second one (SLUB), it comes after a grace
 * period, and a css reference keeps the memcg, and so the cache, until then. `unlessDying` is 5.2's test of the root.
 */
export function deactivateWithCssRef({ now, afterGp }: Deactivation, unlessDying = false): EachCache {
  return function* kmemcgCacheDeactivate(cpu, cache) {
    yield* call(now, cpu, cache);
    if (afterGp === null) return;
    const { caches } = cpu.published;
    if (unlessDying && (yield* call(isDying, caches.read(cache, CacheField.root)))) return;
    yield* call(cssGet, cpu, caches.read(cache, CacheField.memcg));
    yield* call(callRcuSched, cpu, 'kmemcg_deactivate_rcufn', cache);
  };
}

/** kmemcg_deactivate_rcufn (4.12): softirq; the work item takes the RCU head's place in the cache. */
defineFunction('rcu', 'kmemcg_deactivate_rcufn', function* kmemcgDeactivateRcufn(cpu, cache) {
  yield* call(queueCacheWork, cpu, cache, 'kmemcg_deactivate_workfn');
});

/** kmemcg_deactivate_workfn (4.12): the second half under slab_mutex, then the css reference goes, which may be the last. */
defineFunction('work', 'kmemcg_deactivate_workfn', function* kmemcgDeactivateWorkfn(cpu, cache) {
  const { afterGp } = cpu.build.policies.memcg.deactivation;
  if (afterGp !== null) yield* call(underSlabMutex, cpu, cache, afterGp);
  yield* call(cssPut, cpu, yield* request(homeOf(cache), memcgOf, { cache }, cache));
});
