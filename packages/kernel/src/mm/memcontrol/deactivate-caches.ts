import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { callRcuSched } from '../../rcu/callbacks.js';
import { defineFunction } from '../../registry.js';
import { listCachesOf, listRoots } from '../slab-common/cache-list.js';
import type { Deactivation } from '../slab-common/deactivate.js';
import { releaseCaches, shutdownCaches } from '../slab-common/destroy.js';
import { setSlot } from '../slab-common/slots.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';
import { memcgOf, queueCacheWork, underSlabMutex } from './cache-work.js';
import { isDying } from './root-dying.js';

/** Called with each cache of a memcg that goes offline, before its slot is cleared. Caller holds slab_mutex. */
type EachCache = (cpu: Cpu, cache: Handle) => Coroutine<void>;

/** Walk the list of roots (slab_root_caches, 4.12) for the caches in this memcg's slots, and clear these. Caller holds slab_mutex. */
export function* deactivateSlots(cpu: Cpu, id: number, each: EachCache): Coroutine<void> {
  const roots = yield* request(BOOT_NODE, listRoots, null);
  yield* work(roots.length * cpu.costs['list.step']);
  for (const root of roots) {
    const cache = yield* call(cacheFromMemcgIdx, cpu, root, id);
    if (cache === 0) continue;
    yield* call(each, cpu, cache);
    yield* call(setSlot, cpu, root, id, 0);
  }
}

/** memcg_deactivate_kmem_caches (4.12): nothing is waited for. Caller holds cgroup_mutex. */
export function memcgDeactivateKmemCaches(each: EachCache) {
  return function* deactivate(cpu: Cpu, _memcg: Handle, id: number): Coroutine<void> {
    yield* call(getOnlineCpusMems, cpu);
    yield* call(mutexLock, cpu, 'slab_mutex');
    yield* call(deactivateSlots, cpu, id, each);
    yield* call(mutexUnlock, cpu, 'slab_mutex');
    yield* call(putOnlineCpusMems, cpu);
  };
}

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

/**
 * memcg_destroy_kmem_caches (4.12), in css_free, without cgroup_mutex: shut down the caches on the memcg's own list, each
 * released at once or handed to the barrier item.
 */
export function* memcgDestroyKmemCaches(cpu: Cpu, memcg: Handle): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const caches = yield* request(BOOT_NODE, listCachesOf, { memcg });
  yield* work(caches.length * cpu.costs['list.step']);
  const { busy, left } = yield* call(shutdownCaches, cpu, caches, 'memcg');
  if (busy.length > 0) cpu.bug(`cache ${busy[0]?.toString(16)} of a freed memcg still has objects`);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  yield* call(releaseCaches, cpu, left, 'memcg');
}
