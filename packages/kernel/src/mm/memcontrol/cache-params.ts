import { type Handle, type Step, VerdictError } from '@kmemlab/machine';
import { type Defect, orDefect } from '../../defect.js';
import type { KernelNode } from '../../node.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { wakeMemcgWatchers } from './memcg-watch.js';

/*
 * struct memcg_cache_params of a child cache (3.14), at the cache's home: pages, the dead mark, and the work item that
 * destroys it. Nothing counts references to the cache. Who comes too late touches freed memory; the ids are those of the
 * ways in which 3.14 gets there (docs/kernels.md).
 */

export interface MemcgCacheParams {
  /** Pages of the cache's slabs, also of those on their way to the page allocator. */
  nrPages: number;
  dead: boolean;
  /** Who holds the cache, where that is counted (reparent-2014): its memcg until its offline shrink has run, and each page. */
  references: number;
  /** The memcg's reference is one of them. */
  memcgHolds: boolean;
  /** The embedded work item. */
  readonly destroy: Handle;
}

/** @throws VerdictError use-after-free under the defect's id if the cache was freed, or this part of it, which goes first */
export function paramsOf(node: KernelNode, cache: Handle, step: () => Step, defect: Defect): MemcgCacheParams {
  orDefect(defect, () => node.caches.get(cache, step));
  const params = node.cacheParams.get(cache);
  if (params !== undefined) return params;
  throw new VerdictError({
    class: 'use-after-free',
    id: defect,
    object: `memcg_cache_params of cache ${cache.toString(16)}`,
    steps: [step()],
    detail: 'memcg_free_cache_params has freed it; the cache itself is about to go',
  });
}

export const DESTROY_WORK = 'kmem_cache_destroy_work_func';

/** memcg_alloc_cache_params: before anybody can find the cache. */
export const allocateParams = defineHandler('memcg.allocateParams', (node, args: { cache: Handle }): void => {
  const item = { fn: DESTROY_WORK, data: args.cache, once: false, pending: false, lastCpu: -1 };
  const destroy = node.works.allocate(item);
  node.cacheParams.set(args.cache, { nrPages: 0, dead: false, references: 1, memcgHolds: true, destroy });
});

/** memcg_free_cache_params. A work item that is queued by now will run on freed memory. */
export const freeParams = defineHandler('memcg.freeParams', (node, args: { cache: Handle }, context): void => {
  const { destroy } = paramsOf(node, args.cache, context.step, 'V0-c');
  if (node.works.get(destroy, context.step).pending) {
    throw new VerdictError({
      class: 'double-destroy',
      id: 'V0-c',
      object: `cache ${args.cache.toString(16)}`,
      steps: [context.step()],
      detail: 'freed while its destroy work is queued again: the second run works on freed memory',
    });
  }
  node.cacheParams.delete(args.cache);
  wakeMemcgWatchers(node, args.cache, context);
  node.trace(Trace.workFree, context.cpu, destroy, 0, 0, 0);
  node.works.release(destroy, context.step());
});

/** The atomic nr_pages; answers with what it is then. */
export const addPages = defineHandler(
  'memcg.addPages',
  (node, args: { cache: Handle; by: number; defect: Defect }, context): number => {
    const params = paramsOf(node, args.cache, context.step, args.defect);
    params.nrPages += args.by;
    return params.nrPages;
  },
);

/** Store the dead mark; answers with the work item. */
export const setDead = defineHandler(
  'memcg.setDead',
  (node, args: { cache: Handle; dead: boolean; defect: Defect }, context): Handle => {
    const params = paramsOf(node, args.cache, context.step, args.defect);
    params.dead = args.dead;
    return params.destroy;
  },
);

export const isDead = defineHandler(
  'memcg.isDead',
  (node, args: { cache: Handle; defect: Defect }, context): boolean =>
    paramsOf(node, args.cache, context.step, args.defect).dead,
);

/** The work item of a cache, and whether it is pending. */
export const destroyItem = defineHandler(
  'memcg.destroyItem',
  (node, args: { cache: Handle; defect: Defect }, context): { work: Handle; pending: boolean } => {
    const { destroy } = paramsOf(node, args.cache, context.step, args.defect);
    return { work: destroy, pending: node.works.get(destroy, context.step).pending };
  },
);
