import type { Handle, Step } from '@kmemlab/machine';
import type { KernelNode } from '../../node.js';
import type { DetachedSlab, SlabPage } from '../slab/types.js';

/** Slabs with at most so many free objects are sorted when a cache is shrunk (SHRINK_PROMOTE_MAX). */
const SHRINK_PROMOTE_MAX = 32;

/** struct kmem_cache_node of SLUB: one cache's slabs on one node. Full and frozen slabs are on no list. */
export class SlubCacheNode {
  /** Partial slabs, the first to be used first. */
  readonly partial = new Set<Handle>();
  /** All slabs (nr_slabs) and their objects, counted when a slab comes and when it is discarded. */
  slabs = 0;
  objects = 0;

  constructor(
    private readonly node: KernelNode,
    readonly cache: Handle,
  ) {}

  get nrPartial(): number {
    return this.partial.size;
  }

  addPartial(page: Handle, record: SlabPage, tail: boolean): void {
    record.list = 'partial';
    if (tail || this.partial.size === 0) this.partial.add(page);
    else this.replace([page, ...this.partial]);
  }

  removePartial(page: Handle): void {
    this.partial.delete(page);
  }

  /** An empty slab leaves its node, or was on no list: from here on only whoever discards it knows it. */
  detach(page: Handle, record: SlabPage): DetachedSlab {
    this.partial.delete(page);
    record.list = 'none';
    return { page, memcg: record.memcg, order: record.order };
  }

  /** Take all empty slabs off the partial list. */
  takeEmpty(step: () => Step): DetachedSlab[] {
    const pages = this.node.pages;
    return [...this.partial].flatMap((page) => {
      const record = pages.get(page, step);
      return record.active === 0 ? [this.detach(page, record)] : [];
    });
  }

  /** __kmem_cache_shrink: the fullest slabs come first, those with many free objects keep their order behind them. */
  sort(step: () => Step): void {
    const rank = (page: Handle): number =>
      Math.min(this.node.pages.get(page, step).free.length, SHRINK_PROMOTE_MAX + 1);
    this.replace([...this.partial].sort((a, b) => rank(a) - rank(b)));
  }

  /** Free objects in the partial slabs (count_partial). */
  freeObjects(step: () => Step): number {
    return [...this.partial].reduce((sum, page) => sum + this.node.pages.get(page, step).free.length, 0);
  }

  private replace(pages: readonly Handle[]): void {
    this.partial.clear();
    for (const page of pages) this.partial.add(page);
  }
}
