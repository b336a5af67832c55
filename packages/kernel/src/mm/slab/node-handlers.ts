import type { Handle, ObjectRef } from '@kmemlab/machine';
import { ArraySetField, CacheField } from '../../published-state.js';
import { defineHandler, defineSection } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { KmemCacheNode, NODE_REAP_SECONDS } from './cache-node.js';
import { alienLimit, type DetachedSlab, type SlabTrim, type Tunables } from './types.js';

/** Sections under one kmem_cache_node's list_lock, run at its node. Source: mm/slab.c 4.10. */

export const refill = defineSection(
  'list_lock',
  'slab.refill',
  (node, args: { cache: Handle; want: number }, context): ObjectRef[] => {
    const objects = node.slabNode(args.cache, context.step).refill(args.want, context.step);
    context.charge(objects.length * node.costs['slab.object']);
    return objects;
  },
);

/** For one given node, past the shared array. */
export const takeFromSlabs = defineSection(
  'list_lock',
  'slab.takeFromSlabs',
  (node, args: { cache: Handle; want: number }, context): ObjectRef[] =>
    node.slabNode(args.cache, context.step).takeFromSlabs(args.want, context.step),
);

/** The free slots of a new slab, the first on top. */
function allFree(num: number): number[] {
  const free: number[] = [];
  for (let slot = num - 1; slot >= 0; slot--) free.push(slot);
  return free;
}

/** The new slab's struct page becomes this cache's; answers with the objects moved into the caller's array. */
export const addSlab = defineSection(
  'list_lock',
  'slab.addSlab',
  (node, args: { cache: Handle; page: Handle; memcg: Handle; take: number }, context): ObjectRef[] => {
    const record = node.pages.get(args.page, context.step);
    const cacheNode = node.slabNode(args.cache, context.step);
    record.cache = args.cache;
    record.memcg = args.memcg;
    record.num = cacheNode.num;
    record.free = allFree(record.num);
    node.trace(Trace.slabAdd, context.cpu, args.page, args.cache, record.num, 0);
    return cacheNode.add(args.page, record, args.take, context.step);
  },
);

export const freeBlock = defineSection(
  'list_lock',
  'slab.freeBlock',
  (node, args: { cache: Handle; objects: ObjectRef[] }, context): DetachedSlab[] => {
    context.charge(args.objects.length * node.costs['slab.object']);
    return node.slabNode(args.cache, context.step).freeBlock(args.objects, context.step);
  },
);

export const flush = defineSection(
  'list_lock',
  'slab.flush',
  (node, args: { cache: Handle; objects: ObjectRef[] }, context): { taken: number; detached: DetachedSlab[] } => {
    context.charge(args.objects.length * node.costs['slab.object']);
    return node.slabNode(args.cache, context.step).flush(args.objects, context.step);
  },
);

export const receiveAlien = defineSection(
  'list_lock',
  'slab.receiveAlien',
  (node, args: { cache: Handle; objects: ObjectRef[] }, context): DetachedSlab[] => {
    context.charge(args.objects.length * node.costs['slab.object']);
    return node.slabNode(args.cache, context.step).receive(args.objects, context.step);
  },
);

/** Store into this node's alien array for the object's home; a full array is emptied first and handed to the caller. */
export const alienPut = defineSection(
  'alien_lock',
  'slab.alienPut',
  (node, args: { cache: Handle; home: number; object: ObjectRef }, context): ObjectRef[] => {
    const cacheNode = node.slabNode(args.cache, context.step);
    const array = cacheNode.alien.get(args.home) ?? [];
    cacheNode.alien.set(args.home, array);
    const limit = alienLimit(node.published.caches.read(args.cache, CacheField.limit));
    const drained = array.length >= limit ? array.splice(0) : [];
    array.push(args.object);
    return drained;
  },
);

/** All alien arrays of this node, emptied: pairs of home node and objects. */
export const takeAliens = defineHandler(
  'slab.takeAliens',
  (node, args: { cache: Handle }, context): [number, ObjectRef[]][] => {
    const { alien } = node.slabNode(args.cache, context.step);
    const taken = [...alien].filter(([, objects]) => objects.length > 0);
    alien.clear();
    return taken;
  },
);

export const drainShared = defineSection(
  'list_lock',
  'slab.drainShared',
  (node, args: { cache: Handle }, context): DetachedSlab[] =>
    node.slabNode(args.cache, context.step).drainShared(context.step),
);

/** One step of drain_freelist; answers with the slab, or with whether any slab is left on the node. */
export const drainFreelist = defineSection(
  'list_lock',
  'slab.drainFreelist',
  (node, args: { cache: Handle }, context): { detached: DetachedSlab | null; left: number } => {
    const cacheNode = node.slabNode(args.cache, context.step);
    const detached = cacheNode.detachLastFree(context.step);
    return { detached, left: cacheNode.totalSlabs };
  },
);

/** First touch of a CPU's array of a set: the array comes into being in its node's memory. */
export const firstTouch = defineHandler(
  'slab.firstTouch',
  (node, args: { cache: Handle; set: Handle; cpu: number }): void => {
    const limit = node.published.arraySets.read(args.set, ArraySetField.limit);
    const batchcount = node.published.arraySets.read(args.set, ArraySetField.batchcount);
    node.words(args.cpu).arrays.create({ set: args.set, cache: args.cache, limit, batchcount });
  },
);

/** Free the objects of one CPU's array of an unpublished set, under the node's list_lock. */
export const freeOldArray = defineSection(
  'list_lock',
  'slab.freeOldArray',
  (node, args: { cache: Handle; set: Handle; cpu: number }, context): DetachedSlab[] => {
    const array = node.words(args.cpu).arrays.get(args.set);
    node.trace(Trace.arrayAccess, context.cpu, args.cache, args.set, args.cpu, array?.avail ?? 0);
    if (array === undefined || array.avail === 0) return [];
    return node.slabNode(args.cache, context.step).freeBlock(array.takeOldest(array.avail), context.step);
  },
);

/**
 * setup_kmem_cache_node with force_change: this node's lists come into being, or get the new limits; a shared array that
 * exists is emptied and replaced. `replaced` tells the caller to wait for a grace period.
 */
export const setupNode = defineSection(
  'list_lock',
  'slab.setupNode',
  (
    node,
    args: { cache: Handle; num: number; tunables: Tunables; trims: SlabTrim; jiffies: number; hz: number },
    context,
  ): { detached: DetachedSlab[]; replaced: boolean } => {
    const { batchcount, shared } = args.tunables;
    const existing = node.slabNodes.get(args.cache);
    const interval = NODE_REAP_SECONDS * args.hz;
    const firstReap = (): number => args.jiffies + interval + node.random.below(interval);
    const cacheNode = existing ?? new KmemCacheNode(node, args.cache, args.num, firstReap());
    node.slabNodes.set(args.cache, cacheNode);
    cacheNode.trims = args.trims;
    cacheNode.freeLimit = (1 + node.topology.cpusPerNode - node.cpusDown.size) * batchcount + args.num;
    const replaced = cacheNode.shared !== null;
    const detached = cacheNode.drainShared(context.step);
    cacheNode.shared = shared > 0 ? [] : null;
    cacheNode.sharedLimit = shared * batchcount;
    return { detached, replaced };
  },
);

/** free_kmem_cache_nodes, and the CPUs' arrays: the last thing that happens to a cache on a node. */
export const releaseNode = defineHandler('slab.releaseNode', (node, args: { cache: Handle; set: Handle }): void => {
  node.slabNodes.delete(args.cache);
  for (const words of node.allWords()) words.arrays.delete(args.set);
});
