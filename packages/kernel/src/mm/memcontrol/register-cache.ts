import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField, memcgCacheId } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { setSlot } from '../slab-common/slots.js';
import { allocateParams } from './cache-params.js';
import { childCachesOf } from './child-caches.js';

const addToMemcg = defineHandler('memcg.addCache', (node, args: { css: Handle; cache: Handle }, context): void => {
  node.memcg(args.css, context.step).slabCaches.push(args.cache);
});

export const removeFromMemcg = defineHandler(
  'memcg.removeCache',
  (node, args: { css: Handle; cache: Handle }, context): void => {
    const { slabCaches } = node.memcg(args.css, context.step);
    const at = slabCaches.indexOf(args.cache);
    if (at >= 0) slabCaches.splice(at, 1);
  },
);

/** memcg_slab_caches, under slab_caches_mutex; the newest first, as list_add leaves them. */
export const listMemcgCaches = defineHandler('memcg.listCaches', (node, args: { css: Handle }, context): Handle[] =>
  node.memcg(args.css, context.step).slabCaches.toReversed(),
);

/**
 * memcg_alloc_cache_params and memcg_register_cache (3.14): the child holds one css reference, stands in its root's array
 * and on its memcg's list. Caller holds slab_mutex. The kernel has a slab_caches_mutex for each memcg, the model one for all.
 */
export function* memcgRegisterCache(cpu: Cpu, css: Handle, root: Handle, cache: Handle): Coroutine<void> {
  yield* request(homeOf(cache), allocateParams, { cache }, cache);
  if (childCachesOf(cpu).holdsMemcg) yield* call(cssGet, cpu, css);
  yield* call(setSlot, cpu, root, memcgCacheId(cpu.published, css), cache);
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  yield* request(homeOf(css), addToMemcg, { css, cache }, css);
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
}

/** memcg_unregister_cache (3.14): off the list, out of the array, and the css reference goes. Caller holds slab_mutex. */
export function* memcgUnregisterCache(cpu: Cpu, cache: Handle): Coroutine<void> {
  const css = cpu.published.caches.read(cache, CacheField.memcg);
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  yield* request(homeOf(css), removeFromMemcg, { css, cache }, css);
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
  yield* call(setSlot, cpu, cpu.published.caches.read(cache, CacheField.root), memcgCacheId(cpu.published, css), 0);
  yield* call(cssPut, cpu, css);
}
