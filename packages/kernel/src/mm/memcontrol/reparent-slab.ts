import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField, memcgCacheId } from '../../published-state.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineHandler } from '../../registry.js';
import { reparentList } from '../slab-common/cache-list.js';
import { setSlot } from '../slab-common/slots.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';
import { storeMemcg } from './cache-refs.js';
import { scheduleShrinkAndDrop } from './child-references.js';
import { parentMemCgroup } from './hierarchy.js';
import { readMemcg, spinWhileOf } from './memcg-watch.js';
import { listMemcgCaches, removeFromMemcg } from './register-cache.js';

/*
 * reparent-2014, patch 11: a memcg that goes offline hands its caches to its parent at once. No cache holds its memcg; who
 * charges one takes a css reference for as long as that.
 */

/**
 * In an RCU read section, read the cache's memcg and try to get it, again and again, until it works or there is none. From its kill to
 * the moment at which it hands its caches on, a memcg cannot be had. Whoever comes here then spins, and a CPU that passes no quiescent
 * state meanwhile keeps that moment from coming (V2-a). Only another memcg of the cache can end the loop, so that is what is spun on.
 */
export function* tryToGetMemcg(cpu: Cpu, cache: Handle, defect: Defect): Coroutine<Handle> {
  rcuReadLock(cpu);
  let css = yield* request(homeOf(cache), readMemcg, { cache, defect }, cache);
  while (css !== 0 && !(yield* call(cssTrygetOnline, cpu, css))) {
    yield* call(spinWhileOf, cpu, cache, css, defect);
    css = yield* request(homeOf(cache), readMemcg, { cache, defect }, cache);
  }
  rcuReadUnlock(cpu);
  return css;
}

/** css_put. */
export function* putMemcg(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* cssPut(cpu, css);
}

/** list_move of all caches to the parent's list. It has adopted caches from now on. Answers false if the list was never initialised. */
const adoptCaches = defineHandler(
  'memcg.adoptCaches',
  (node, args: { parent: Handle; caches: readonly Handle[] }, context): boolean => {
    const memcg = node.memcg(args.parent, context.step);
    memcg.slabCaches.push(...args.caches.toReversed());
    memcg.hasAdopted = true;
    return memcg.cacheListReady;
  },
);

const forgetCaches = defineHandler('memcg.forgetCaches', (node, args: { css: Handle }, context): void => {
  node.memcg(args.css, context.step).slabCaches.length = 0;
});

/**
 * memcg_reparent_slab of the patch. Those that are still in the memcg's slots leave them, are shrunk, and lose the memcg's
 * reference; what the memcg had adopted itself only moves on. Caller holds cgroup_mutex and slab_caches_mutex.
 */
export function* memcgReparentSlab(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'activate_kmem_mutex');
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  const caches = yield* request(homeOf(css), listMemcgCaches, { css }, css);
  const parent = yield* call(parentMemCgroup, css);
  if (parent !== 0 && caches.length > 0) yield* call(adopt, cpu, parent, caches);
  yield* request(homeOf(css), forgetCaches, { css }, css);
  yield* request(BOOT_NODE, reparentList, { memcg: css, parent });
  const id = memcgCacheId(cpu.published, css);
  for (const cache of caches) yield* call(reparentCache, cpu, cache, { id, parent });
  cpu.counters.add('memcg_caches_reparented', caches.length);
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
  yield* call(mutexUnlock, cpu, 'activate_kmem_mutex');
}

function* adopt(cpu: Cpu, parent: Handle, caches: readonly Handle[]): Coroutine<void> {
  if (yield* request(homeOf(parent), adoptCaches, { parent, caches }, parent)) return;
  cpu.bug(`memcg ${parent.toString(16)} adopts caches, but its list of caches was never initialised`);
}

/**
 * memcg_unregister_cache of the patch: the memcg may hand the cache on while its list's mutex is waited for, so look again.
 * The slot may be another cache's by now. Caller holds slab_mutex.
 */
export function* unregisterWherever(cpu: Cpu, cache: Handle): Coroutine<void> {
  const root = cpu.published.caches.read(cache, CacheField.root);
  for (let done = false; !done; ) {
    const css = yield* call(tryToGetMemcg, cpu, cache, 'V0-f');
    if (css === 0) return;
    yield* call(mutexLock, cpu, 'slab_caches_mutex');
    done = (yield* request(homeOf(cache), readMemcg, { cache, defect: 'V0-f' }, cache)) === css;
    if (done) yield* request(homeOf(css), removeFromMemcg, { css, cache }, css);
    const id = memcgCacheId(cpu.published, css);
    const inSlot = done && id >= 0 && (yield* call(cacheFromMemcgIdx, cpu, root, id)) === cache;
    if (inSlot) yield* call(setSlot, cpu, root, id, 0);
    yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
    yield* call(cssPut, cpu, css);
  }
}

function* reparentCache(
  cpu: Cpu,
  cache: Handle,
  to: { readonly id: number; readonly parent: Handle },
): Coroutine<void> {
  yield* work(cpu.costs['list.step']);
  yield* call(storeMemcg, cpu, cache, to.parent);
  const root = cpu.published.caches.read(cache, CacheField.root);
  if (to.id < 0 || (yield* call(cacheFromMemcgIdx, cpu, root, to.id)) !== cache) return;
  yield* call(setSlot, cpu, root, to.id, 0);
  yield* call(scheduleShrinkAndDrop, cpu, cache);
}
