import { type Coroutine, call, type Handle, type ObjectRef, request, type Step } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexTrylock, mutexUnlock } from '../../locking/mutex.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { roundJiffiesRelative } from '../../sched/timer.js';
import { initWork } from '../../workqueue/items.js';
import { queueDelayedWork } from '../../workqueue/workqueue.js';
import { whilePinned } from '../slab-common/while-pinned.js';
import type { ArrayCache } from './array-cache.js';
import { type KmemCacheNode, NODE_REAP_SECONDS } from './cache-node.js';
import { drainAlien, slabsDestroy } from './free.js';
import { freeBlock } from './node-handlers.js';
import type { DetachedSlab } from './types.js';

const SECOND = 1e9;
/** REAPTIMEOUT_AC, ns. */
const INTERVAL = 2 * SECOND;

interface Reaped {
  readonly cache: Handle;
  readonly alien: ObjectRef[];
  readonly detached: DetachedSlab[];
}

/** How many entries an untouched array loses (drain_array_locked): (limit+4)/5, or half of what is there if that is less. */
const toFree = (avail: number, limit: number): number => {
  const fifth = Math.floor((limit + 4) / 5);
  return fifth > avail ? Math.floor((avail + 1) / 2) : fifth;
};

/** Steps a, c, d and e of cache_reap for every cache with slabs or arrays on this node, as one batch. */
const reapNode = defineHandler(
  'slab.reapNode',
  (node, args: { alien: number; jiffies: number; hz: number }, context): Reaped[] => {
    const reaped: Reaped[] = [];
    context.charge(node.slabNodes.size * node.costs['list.step']);
    for (const [cache, cacheNode] of node.slabNodes) {
      const alien = cacheNode.alien.get(args.alien)?.splice(0) ?? [];
      const detached: DetachedSlab[] = [];
      if (cacheNode.nextReap <= args.jiffies) {
        cacheNode.nextReap = args.jiffies + NODE_REAP_SECONDS * args.hz;
        detached.push(...reapShared(cacheNode, context.step));
        detached.push(...reapFree(cacheNode, context.step));
      }
      if (alien.length > 0 || detached.length > 0) reaped.push({ cache, alien, detached });
    }
    return reaped;
  },
);

function reapShared(cacheNode: KmemCacheNode, step: () => Step): DetachedSlab[] {
  if (cacheNode.shared === null || cacheNode.shared.length === 0) return [];
  if (cacheNode.sharedTouched) {
    cacheNode.sharedTouched = false;
    return [];
  }
  return cacheNode.freeBlock(cacheNode.shared.splice(0, toFree(cacheNode.shared.length, cacheNode.sharedLimit)), step);
}

function reapFree(cacheNode: KmemCacheNode, step: () => Step): DetachedSlab[] {
  if (cacheNode.freeTouched) {
    cacheNode.freeTouched = false;
    return [];
  }
  const most = Math.ceil(cacheNode.freeLimit / (5 * cacheNode.num));
  const detached: DetachedSlab[] = [];
  for (let slab = 0; slab < most; slab++) {
    const next = cacheNode.detachLastFree(step);
    if (next === null) break;
    detached.push(next);
  }
  return detached;
}

/** Step b: one of this CPU's own arrays; an empty one keeps its touched flag (drain_array). */
function* reapOwnArray(cpu: Cpu, array: ArrayCache): Coroutine<void> {
  if (array.touched) {
    array.touched = false;
    return;
  }
  const saved = cpu.irqSave();
  const objects = array.takeOldest(toFree(array.avail, array.limit));
  const detached = yield* request(cpu.node, freeBlock, { cache: array.cache, objects }, array.cache);
  yield* call(slabsDestroy, cpu, array.cache, detached);
  cpu.irqRestore(saved);
}

/** What a node's batch has brought of one cache goes. */
function* reapRest(cpu: Cpu, cache: Handle, alien: ObjectRef[], detached: DetachedSlab[]): Coroutine<void> {
  if (alien.length > 0) yield* call(drainAlien, cpu, cache, cpu.reapAlienNode, alien);
  yield* call(slabsDestroy, cpu, cache, detached);
}

/**
 * cache_reap (4.10): every two seconds on every CPU, if slab_mutex is free, age this CPU's arrays and its node's alien
 * and shared arrays and free slabs, for all caches. Deferrable: a tickless idle CPU does not wake up for it.
 */
const cacheReap = defineFunction('work', 'cache_reap', function* cacheReapWork(cpu, owner) {
  // slab_offline_cpu cancels the item of a CPU that goes down; what it finds queued comes to nothing on another CPU.
  if (owner !== cpu.id) return;
  if (yield* call(mutexTrylock, cpu, 'slab_mutex')) {
    for (const array of cpu.ownWords.arrays.values()) {
      if (!array.present || array.avail === 0) continue;
      yield* call(whilePinned, cpu, array.cache, call(reapOwnArray, cpu, array));
    }
    const reaped = yield* request(cpu.node, reapNode, {
      alien: cpu.reapAlienNode,
      jiffies: cpu.jiffies,
      hz: cpu.build.hz,
    });
    for (const { cache, alien, detached } of reaped) {
      yield* call(whilePinned, cpu, cache, call(reapRest, cpu, cache, alien, detached));
    }
    yield* call(mutexUnlock, cpu, 'slab_mutex');
    cpu.reapAlienNode = (cpu.reapAlienNode + 1) % cpu.topology.nodes;
  }
  yield* call(armCacheReap, cpu, INTERVAL);
});

/** start_cpu_timer: each CPU's first run comes about a second after it is up. */
export function* startCpuTimer(cpu: Cpu): Coroutine<void> {
  if (cpu.reapWork === 0) {
    cpu.reapWork = yield* request(cpu.node, initWork, { fn: cacheReap, data: cpu.id, once: false });
  }
  yield* call(armCacheReap, cpu, SECOND);
}

/** Arm this CPU's cache_reap again, for a whole second in about `delay` ns. */
function* armCacheReap(cpu: Cpu, delay: number): Coroutine<void> {
  yield* call(queueDelayedWork, cpu, 'system_wq', cpu.reapWork, roundJiffiesRelative(cpu, delay), true);
}
