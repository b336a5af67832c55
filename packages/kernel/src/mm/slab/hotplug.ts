import { BOOT_NODE, type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CacheField } from '../../published-state.js';
import { defineHandler, defineSection } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { drainFreelistOf } from './drain.js';
import { drainAlien, slabsDestroy } from './free.js';
import { drainShared, takeAliens } from './node-handlers.js';
import type { DetachedSlab } from './types.js';

/** Those on slab_caches. */
const cachesOnList = defineHandler('slab.cachesOf', (node, _args: null): Handle[] => node.cacheList.caches);

/** The dead CPU's array of the published set goes back to the slabs, and the node may keep that many free objects less. */
const drainDeadArray = defineSection(
  'list_lock',
  'slab.drainDeadArray',
  (node, args: { cache: Handle; cpu: number }, context): DetachedSlab[] => {
    const cacheNode = node.slabNode(args.cache, context.step);
    const { caches } = node.published;
    cacheNode.freeLimit -= caches.read(args.cache, CacheField.batchcount);
    const set = caches.read(args.cache, CacheField.cpuCache);
    const array = node.words(args.cpu).arrays.get(set);
    if (array === undefined || array.avail === 0) return [];
    node.trace(Trace.arrayAccess, context.cpu, args.cache, set, args.cpu, array.avail);
    return cacheNode.freeBlock(array.takeOldest(array.avail), context.step);
  },
);

/** setup_kmem_cache_node without force_change, for all caches of a node whose CPU comes back. */
const raiseLimits = defineHandler('slab.raiseLimits', (node, _args: null, context): void => {
  context.charge(node.slabNodes.size * node.costs['list.step']);
  const cpus = node.topology.cpusPerNode - node.cpusDown.size;
  for (const [cache, cacheNode] of node.slabNodes) {
    const batchcount = node.published.caches.read(cache, CacheField.batchcount);
    cacheNode.freeLimit = (1 + cpus) * batchcount + cacheNode.num;
  }
});

/**
 * slab_dead_cpu, that is cpuup_canceled (4.10), after a CPU has died: its arrays of all caches on slab_caches are emptied, under slab_mutex; a
 * node without CPUs loses its shared and alien arrays' objects, too; then the node's free slabs are freed.
 */
export function* cpuupCanceled(cpu: Cpu, dead: number): Coroutine<void> {
  const node = cpu.nodeOf(dead);
  const lastOfNode = !cpu.published.onlineCpus().some((other) => cpu.nodeOf(other) === node);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const caches = yield* request(BOOT_NODE, cachesOnList, null);
  for (const cache of caches) {
    const detached = yield* request(node, drainDeadArray, { cache, cpu: dead }, cache);
    yield* call(slabsDestroy, cpu, cache, detached);
    if (lastOfNode) yield* call(drainNode, cpu, cache, node);
  }
  for (const cache of caches) yield* call(drainFreelistOf, cpu, cache, node);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}

function* drainNode(cpu: Cpu, cache: Handle, node: number): Coroutine<void> {
  const detached = yield* request(node, drainShared, { cache }, cache);
  yield* call(slabsDestroy, cpu, cache, detached);
  const aliens = yield* request(node, takeAliens, { cache }, cache);
  for (const [home, objects] of aliens) yield* call(drainAlien, cpu, cache, home, objects);
}

/** slab_prepare_cpu, that is cpuup_prepare (4.10), before a CPU starts: the limits of its node, under slab_mutex. */
export function* cpuupPrepare(cpu: Cpu, starting: number): Coroutine<void> {
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* request(cpu.nodeOf(starting), raiseLimits, null);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
}
