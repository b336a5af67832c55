import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { orDefect } from '../../defect.js';
import {
  defineRefClass,
  percpuRefExit,
  percpuRefPut,
  percpuRefTryget,
  percpuRefTrygetLive,
} from '../../percpu-ref/percpu-ref.js';
import { CacheField, memcgCacheId } from '../../published-state.js';
import { callRcu } from '../../rcu/callbacks.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineFunction, defineHandler } from '../../registry.js';
import type { Chosen } from '../slab-common/alloc.js';
import type { CacheWorkName } from '../slab-common/types.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';
import { queueCacheWork } from './cache-work.js';
import { wakeMemcgWatchers } from './memcg-watch.js';
import { isDying } from './root-dying.js';
import { lockKmemWq, unlockKmemWq } from './wq-lock.js';

/*
 * References since 5.3: each page of a memcg cache holds the cache, and so does an allocation in progress; each linked cache
 * holds its memcg once. Pages hold no css reference, so a memcg can go while objects of its caches live on.
 */

/** memcg_params.refcnt of every memcg cache. */
export const cacheRefs = defineRefClass({
  owner: 'cache',
  shared: (node, cache, step) => node.caches.get(cache, step).ref,
  table: (published) => published.caches,
  modeField: CacheField.refMode,
  release: 'kmemcg_cache_shutdown',
  confirm: null,
  usedAfterFree: 'V5p-e',
});

const setMemcg = defineHandler('memcg.setCacheMemcg', (node, args: { cache: Handle; memcg: Handle }, context): void => {
  node.caches.get(args.cache, context.step).memcg = args.memcg;
  wakeMemcgWatchers(node, args.cache, context);
});

const publishMemcg = defineHandler('memcg.publishCacheMemcg', (node, args: { cache: Handle; memcg: Handle }): void => {
  node.published.caches.write(args.cache, CacheField.memcg, args.memcg);
});

/** WRITE_ONCE of memcg_params.memcg. Caller holds slab_mutex. */
export function* storeMemcg(cpu: Cpu, cache: Handle, memcg: Handle): Coroutine<void> {
  yield* request(homeOf(cache), setMemcg, { cache, memcg }, cache);
  yield* requestAll(cpu.allNodes, publishMemcg, { cache, memcg });
}

/** What a memcg cache holds and is held by. */
export const cacheLinks = {
  /** memcg_link_cache: the cache takes its one reference on its memcg. */
  *link(cpu: Cpu, memcg: Handle): Coroutine<void> {
    yield* call(cssGet, cpu, memcg);
  },

  /** memcg_unlink_cache: the reference on the memcg that the cache belongs to by now goes, which may be the last. */
  *unlink(cpu: Cpu, cache: Handle, memcg: Handle): Coroutine<void> {
    if (cpu.build.policies.memcg.lifecycle.unlinkForgets) yield* call(storeMemcg, cpu, cache, 0);
    yield* call(cssPut, cpu, memcg);
  },

  /** destroy_memcg_params. */
  *exit(_cpu: Cpu, cache: Handle): Coroutine<void> {
    yield* call(percpuRefExit, cacheRefs, cache);
  },
};

/**
 * memcg_kmem_get_cache (5.3): an RCU read section around the look into the slot and the attempt to take a reference on what
 * is there. Slots are cleared before the kill, so at worst a killed cache is kept for one more allocation. In the posted form
 * each lookup leaves two sections that it never ends (V5p-a).
 */
export function* getCountedCache(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Chosen> {
  rcuReadLock(cpu);
  const chosen = yield* call(chooseCounted, cpu, root, memcg);
  if (cpu.build.policies.memcg.lifecycle.leaveLookup === 'lock') rcuReadLock(cpu);
  else rcuReadUnlock(cpu);
  return chosen;
}

function* chooseCounted(cpu: Cpu, root: Handle, memcg: Handle): Coroutine<Chosen> {
  const unaccounted = { cache: root, held: 0 };
  const id = memcgCacheId(cpu.published, memcg);
  if (id < 0) return unaccounted;
  const cache = yield* call(cacheFromMemcgIdx, cpu, root, id);
  const tryget = cpu.build.policies.memcg.lifecycle.tryget === 'live' ? percpuRefTrygetLive : percpuRefTryget;
  if (cache !== 0 && (yield* call(tryget, cpu, cacheRefs, cache))) {
    cpu.counters.add('accounted_allocations');
    return { cache, held: cache };
  }
  cpu.counters.add('unaccounted_allocations');
  if (cache === 0) yield* call(cpu.build.policies.memcg.scheduleCreate, cpu, memcg, root);
  return unaccounted;
}

/** memcg_kmem_put_cache (5.3). */
export function* putCountedCache(cpu: Cpu, { held }: Chosen): Coroutine<void> {
  yield* call(percpuRefPut, cpu, cacheRefs, held);
}

const setWorkFn = defineHandler(
  'memcg.setWorkFn',
  (node, args: { cache: Handle; fn: CacheWorkName }, context): void => {
    orDefect('V5p-d', () => node.caches.get(args.cache, context.step)).workFn = args.fn;
  },
);

/** Say what the work item of a memcg cache is to do; 'none' once it has done it (posted). */
export function* storeWorkFn(cache: Handle, fn: CacheWorkName): Coroutine<void> {
  yield* request(homeOf(cache), setWorkFn, { cache, fn }, cache);
}

/**
 * kmemcg_cache_shutdown (5.3), the reference's release function: nothing holds the cache any more. It is shut down by its work
 * item, unless its root is being destroyed, which takes the cache along. Any context, also softirq and interrupts off.
 */
defineFunction('release', 'kmemcg_cache_shutdown', function* kmemcgCacheShutdown(cpu, cache) {
  const root = cpu.published.caches.read(cache, CacheField.root);
  const flags = yield* call(lockKmemWq, cpu, root);
  if (!(yield* call(isDying, root))) {
    yield* call(storeWorkFn, cache, 'kmemcg_cache_shutdown_fn');
    if (cpu.build.policies.memcg.lifecycle.shutdown === 'queued') {
      yield* call(queueCacheWork, cpu, cache, 'kmemcg_workfn');
    } else yield* call(callRcu, cpu, 'kmemcg_rcufn', cache);
  }
  yield* call(unlockKmemWq, cpu, flags);
});
