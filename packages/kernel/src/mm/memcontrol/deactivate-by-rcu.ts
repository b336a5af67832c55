import { call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import { orDefect } from '../../defect.js';
import { CacheField } from '../../published-state.js';
import { callRcuSched } from '../../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../../registry.js';
import type { Deactivation } from '../slab-common/deactivate.js';
import { queueCacheWork, underSlabMutex } from './cache-work.js';
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

/** The memcg of a cache whose deactivation is under way. Nothing keeps the cache from going with its root (V4-a). */
const deactivating = defineHandler(
  'memcg.deactivating',
  (node, args: { cache: Handle }, context): Handle =>
    orDefect('V4-a', () => node.caches.get(args.cache, context.step)).memcg,
);

/** kmemcg_deactivate_rcufn (4.12): softirq; the work item takes the RCU head's place in the cache. */
defineFunction('rcu', 'kmemcg_deactivate_rcufn', function* kmemcgDeactivateRcufn(cpu, cache) {
  yield* call(queueCacheWork, cpu, cache, 'kmemcg_deactivate_workfn', 'V4-a');
});

/** kmemcg_deactivate_workfn (4.12): the second half under slab_mutex, then the css reference goes, which may be the last. */
defineFunction('work', 'kmemcg_deactivate_workfn', function* kmemcgDeactivateWorkfn(cpu, cache) {
  const { afterGp } = cpu.build.policies.memcg.deactivation;
  yield* call(underSlabMutex, cpu, cache, function* deactFn(_cpu, deactivated) {
    yield* request(homeOf(cache), deactivating, { cache }, cache);
    if (afterGp !== null) yield* call(afterGp, cpu, deactivated);
  });
  yield* call(cssPut, cpu, yield* request(homeOf(cache), deactivating, { cache }, cache));
});
