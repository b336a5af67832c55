import { CacheField, type KernelNode, SlabFlag, slabItems } from '@kmemlab/kernel';
import { type Handle, homeOf } from '@kmemlab/machine';
import type { MachineView } from '../types.js';

type Memcg = ReturnType<KernelNode['memcg']>;

/** What the charged pages of all nodes add up to, without user pages. */
export class SlabCharges {
  /** Pages by memcg, those of descendants with them where counters are hierarchical. */
  private readonly withDescendants = new Map<Handle, number>();
  /** Slab pages by memcg; the place is node × items + item. */
  private readonly own = new Map<Handle, number[]>();

  constructor(private readonly view: MachineView) {
    const ofCache = view.build.policies.memcg.chargeAhead !== null;
    for (const node of view.nodes) {
      for (const [, { memcg: named, order, cache, use }] of node.pages.entries()) {
        const memcg = ofCache && cache !== 0 ? this.memcgOfCache(cache) : named;
        if (memcg === 0 || use === 'anon' || use === 'file') continue;
        this.addUpwards(memcg, 2 ** order);
        if (cache !== 0) this.addOwn(memcg, node.id, this.itemOf(cache), 2 ** order);
      }
    }
  }

  /** Pages that the kmem counter of a memcg must have. */
  usage(memcg: Handle): number {
    return this.withDescendants.get(memcg) ?? 0;
  }

  /** Slab pages of a memcg on one node. */
  slabPages(memcg: Handle, node: number, item: number): number {
    return this.own.get(memcg)?.[node * slabItems.length + item] ?? 0;
  }

  private addUpwards(memcg: Handle, pages: number): void {
    for (let css = memcg; css !== 0; css = this.memcgOf(css)?.counterParent ?? 0) {
      this.withDescendants.set(css, this.usage(css) + pages);
    }
  }

  private addOwn(memcg: Handle, node: number, item: number, pages: number): void {
    const places = this.own.get(memcg) ?? [];
    const place = node * slabItems.length + item;
    places[place] = (places[place] ?? 0) + pages;
    this.own.set(memcg, places);
  }

  private memcgOfCache(cache: Handle): Handle {
    return this.view.nodes[homeOf(cache)]?.caches.peek(cache)?.memcg ?? 0;
  }

  private itemOf(cache: Handle): number {
    const flags = this.view.nodes[0]?.published.caches.read(cache, CacheField.flags) ?? 0;
    return slabItems.indexOf((flags & SlabFlag.reclaim) === 0 ? 'unreclaimable' : 'reclaimable');
  }

  private memcgOf(css: Handle): Memcg | null | undefined {
    return this.view.nodes[homeOf(css)]?.csses.peek(css)?.memcg;
  }
}
