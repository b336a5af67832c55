import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, type RequestEffect, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import type { KernelNode } from '../../node.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { queueDelayedWork, queueWork } from '../../workqueue/workqueue.js';
import type { PressureLevel } from '../vmpressure.js';
import { addPages } from './cache-params.js';
import { childCachesOf, isRootCache } from './child-caches.js';
import { destroyCache } from './destroy-cache.js';
import { shrinkChild } from './destroy-work.js';

/*
 * Dead caches that still had pages when their destroy work looked ("dangling"), and the two ways of reaping them later that
 * the 2014 mail announces: from time to time, or on memory pressure. The list has a mutex of its own.
 */

/** A static of the boot node. */
export class DanglingCaches {
  readonly caches = new Set<Handle>();
  /** The reaper's work item; 0 until it is first needed. */
  work: Handle = 0;
  /** A timer is to queue it. */
  armed = false;
}

const REAP_WORK = 'memcg_reap_dangling_func';

const add = defineHandler('memcg.addDangling', (node, args: { cache: Handle }): { work: Handle; armed: boolean } => {
  const { dangling } = node;
  dangling.caches.add(args.cache);
  const armed = dangling.armed;
  dangling.armed = true;
  return { work: workOf(node), armed };
});

function workOf({ dangling, works }: KernelNode): Handle {
  if (dangling.work === 0) {
    dangling.work = works.allocate({ fn: REAP_WORK, data: 0, once: false, pending: false, lastCpu: -1 });
  }
  return dangling.work;
}

const remove = defineHandler('memcg.removeDangling', (node, args: { cache: Handle }): void => {
  node.dangling.caches.delete(args.cache);
});

const list = defineHandler('memcg.listDangling', (node, _args: null): Handle[] => [...node.dangling.caches]);

/** After a pass: whether the timer is to be armed again. */
const rearm = defineHandler('memcg.rearmReaper', (node, _args: null): { work: Handle; armed: boolean } => {
  node.dangling.armed = node.dangling.caches.size > 0;
  return { work: workOf(node), armed: node.dangling.armed };
});

const reaperWork = defineHandler('memcg.reaperWork', (node, _args: null): Handle => workOf(node));

/** The destroy work leaves a dead cache that still has pages. */
export function* addDangling(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'dangling_caches_mutex');
  const { work, armed } = yield* request(BOOT_NODE, add, { cache });
  yield* call(mutexUnlock, cpu, 'dangling_caches_mutex');
  if (!armed) yield* call(armReaper, cpu, work);
}

/** A cache that is destroyed with its root is not the reaper's any more. */
export function* forgetDangling(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(mutexLock, cpu, 'dangling_caches_mutex');
  yield* request(BOOT_NODE, remove, { cache });
  yield* call(mutexUnlock, cpu, 'dangling_caches_mutex');
}

function* armReaper(cpu: Cpu, work: Handle): Coroutine<void> {
  const period = childCachesOf(cpu).reaper?.period ?? 0;
  if (period > 0) yield* call(queueDelayedWork, cpu, 'system_wq', work, period, false);
}

const pagesOf = (cache: Handle, defect: Defect): RequestEffect<number> =>
  request(homeOf(cache), addPages, { cache, by: 0, defect }, cache);

/**
 * The destroy work: shrink first; a cache that has no pages then is destroyed, any other is left, for good or for a reaper
 * (Davydov, April 2014).
 */
export function* shrinkThenDestroy(cpu: Cpu, cache: Handle): Coroutine<void> {
  yield* call(shrinkChild, cpu, cache);
  if ((yield* pagesOf(cache, 'V0-c')) === 0) {
    yield* call(destroyCache, cpu, cache, 'V0-c');
    return;
  }
  cpu.counters.add('dangling_caches');
  cpu.trace(Trace.cacheDangling, cache, 0, 0, 0);
  const { reaper } = childCachesOf(cpu);
  if (reaper !== null) yield* call(reaper.take, cpu, cache);
}

/** memcg_release_pages of the patch: nothing but the count. Any context. */
export function* unbindPages(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  if (isRootCache(cpu, cache)) return;
  yield* request(homeOf(cache), addPages, { cache, by: -(2 ** order), defect: 'V0-b' }, cache);
}

/** One pass: shrink every dangling cache, and destroy those that have no pages then. */
defineFunction('work', REAP_WORK, function* memcgReapDanglingFunc(cpu) {
  yield* call(mutexLock, cpu, 'dangling_caches_mutex');
  for (const cache of yield* request(BOOT_NODE, list, null)) {
    cpu.counters.add('reap_dangling_cache');
    yield* call(shrinkChild, cpu, cache);
    if ((yield* pagesOf(cache, 'V0-f')) !== 0) continue;
    yield* request(BOOT_NODE, remove, { cache });
    yield* call(destroyCache, cpu, cache, 'V0-c');
  }
  const { work, armed } = yield* request(BOOT_NODE, rearm, null);
  yield* call(mutexUnlock, cpu, 'dangling_caches_mutex');
  if (armed) yield* call(armReaper, cpu, work);
});

const LEVELS: readonly PressureLevel[] = ['low', 'medium', 'critical'];

/** A listener in the kernel: pressure of at least this level anywhere has the dangling caches reaped. Others hear of it, too. */
export function reapOnPressure(least: PressureLevel) {
  return function* onPressure(cpu: Cpu, _memcg: Handle, level: PressureLevel): Coroutine<boolean> {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return false;
    yield* call(queueWork, cpu, 'system_wq', yield* request(BOOT_NODE, reaperWork, null));
    return false;
  };
}
