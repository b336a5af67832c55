import type { Handle, Step } from '@kmemlab/machine';
import { orDefect } from '../../defect.js';
import type { KernelNode } from '../../node.js';
import { CacheField } from '../../published-state.js';
import { defineAtomic, defineHandler, defineSection } from '../../registry.js';
import type { DetachedSlab } from '../slab/types.js';
import { SlubCacheNode } from './cache-node.js';

/* One cache's structures on one node. Source: mm/slub.c 4.10. */

/** alloc_kmem_cache_cpus and init_kmem_cache_nodes, as one node sees them. */
export const setupNode = defineHandler(
  'slub.setupNode',
  (node, args: { cache: Handle; minPartial: number; cpuPartial: number }): void => {
    const { caches } = node.published;
    caches.write(args.cache, CacheField.minPartial, args.minPartial);
    caches.write(args.cache, CacheField.cpuPartial, args.cpuPartial);
    node.cpuSlabs.publish(args.cache);
    node.slub.nodes.set(args.cache, new SlubCacheNode(node, args.cache));
  },
);

/** free_percpu and free_kmem_cache_nodes. Whoever still uses them afterwards meets the step that is noted here. */
export const freeNode = defineHandler('slub.freeNode', (node, args: { cache: Handle }, context): void => {
  if (!node.slub.nodes.delete(args.cache)) return;
  node.slub.noteFreed(args.cache, context.step());
  node.cpuSlabs.withdraw(args.cache);
});

export const setRetention = defineHandler(
  'slub.setRetention',
  (node, args: { cache: Handle; minPartial: number; cpuPartial: number }): void => {
    node.published.caches.write(args.cache, CacheField.minPartial, args.minPartial);
    node.published.caches.write(args.cache, CacheField.cpuPartial, args.cpuPartial);
  },
);

/** has_cpu_slab for each CPU of this node, in CPU order: reads their words, disturbs none of them. */
export const hasCpuSlab = defineAtomic('slub.hasCpuSlab', (node, args: { cache: Handle }): boolean[] =>
  node.allWords().map(({ cpuSlabs }) => cpuSlabs.hasCpuSlab(args.cache)),
);

/** A cache, and for a shrink when that began, in ns of the machine's clock. */
interface Visited {
  readonly cache: Handle;
  readonly shrunkSince?: number;
}

/** The structures of a cache. A shrink finds them freed since it began (V0-d), or had come too late from the first (V0-i). */
function listsOf(node: KernelNode, { cache, shrunkSince }: Visited, step: () => Step) {
  if (shrunkSince === undefined) return node.slubNode(cache, step);
  const freedAt = node.slub.freedStep(cache)?.time ?? shrunkSince;
  return orDefect(freedAt < shrunkSince ? 'V0-i' : 'V0-d', () => node.slubNode(cache, step));
}

/** Unlink all empty partial slabs of one node; with `sort` the others are put in order, the fullest first. */
export const takeEmpty = defineSection(
  'list_lock',
  'slub.takeEmpty',
  (node, args: Visited & { sort: boolean }, context): DetachedSlab[] => {
    const lists = listsOf(node, args, context.step);
    context.charge(lists.nrPartial * node.costs['list.step']);
    const empty = lists.takeEmpty(context.step);
    if (args.sort) lists.sort(context.step);
    return empty;
  },
);

/** A cache's slabs on one node (slabs_node, node_nr_objs, count_partial). */
export interface SlubCounts {
  readonly slabs: number;
  readonly objects: number;
  readonly partial: number;
  /** Objects free in partial slabs; those of a CPU's slabs count as used. */
  readonly free: number;
}

export const countSlabs = defineHandler('slub.count', (node, args: Visited, context): SlubCounts => {
  const lists = listsOf(node, args, context.step);
  const { slabs, objects, nrPartial: partial } = lists;
  return { slabs, objects, partial, free: lists.freeObjects(context.step) };
});
