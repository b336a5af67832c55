import { type KernelNode, lruFilesystems, lruIdOf, PAGE_SIZE, placeOf, slabItems, Trace } from '@kmemlab/kernel';
import { type Handle, homeOf } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Family, Invariant, MachineView, Rest } from '../types.js';
import { memcgRules as rules } from './rules.js';
import { SlabCharges } from './slab-charges.js';

type Memcg = ReturnType<KernelNode['memcg']>;

/**
 * MEMCG-1 to MEMCG-4. The first three hold in kernels whose memcgs keep their charges to the end (to 5.2): later, ancestors take
 * them over, and there are rules of their own.
 */
export class Memcgs implements Family {
  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  readonly listeners: Family['listeners'] = [[Trace.cssFree, (cpu, css) => this.freed(cpu, css)]];

  audit(rest: Rest): void {
    if (rest !== 'quiet') return;
    if (this.keepsCharges || this.reparents) this.checkCharges();
    for (const node of this.view.nodes) this.checkLists(node);
  }

  private get keepsCharges(): boolean {
    return this.view.build.policies.reclaim.chargesEndWithMemcg;
  }

  /** A memcg that goes offline hands caches and charges to its parent, all others have them to the end (reparent-2014). */
  private get reparents(): boolean {
    return this.view.build.policies.memcg.childCaches?.holdsMemcg === false;
  }

  /** MEMCG-3. */
  private freed(cpu: number, css: Handle): void {
    const record = this.view.nodes[homeOf(css)]?.csses.peek(css);
    if (!record?.memcg || !(this.keepsCharges || this.reparents)) return;
    const caches = this.view.nodes[0]?.cacheList.cachesOf(css).length ?? 0;
    const usage = this.keepsCharges ? record.memcg.counters.kmem.usage : 0;
    if (caches === 0 && usage === 0) return;
    const detail = `memcg "${record.name}" is freed with ${caches} caches and ${usage} pages of kmem`;
    this.reporter.broken(rules.emptyAtFree, `memcg ${css.toString(16)}`, undefined, this.view.where(cpu), detail);
  }

  private checkCharges(): void {
    const charges = new SlabCharges(this.view);
    const { slabStatistics } = this.view.build.policies.reclaim;
    for (const node of this.view.nodes) {
      for (const [css, { memcg, name }] of node.csses.entries()) {
        if (memcg === null || (this.reparents && memcg.kmemState === 'allocated')) continue;
        this.checkUsage(css, name, memcg, charges.usage(css));
        if (slabStatistics) this.checkStatistics(css, name, memcg, charges);
      }
    }
  }

  /** MEMCG-1. Cgroup v2 has no kmem counter of its own. */
  private checkUsage(css: Handle, name: string, memcg: Memcg, pages: number): void {
    const usage = (memcg.counters.kmem.usage * this.view.build.policies.memcg.limits.unit) / PAGE_SIZE;
    if (usage === pages || this.view.build.config.cgroup === 'v2') return;
    const detail = `memcg "${name}" has ${usage} pages of kmem usage, and ${pages} pages are charged to it`;
    this.fails(rules.kmemUsage, `memcg ${css.toString(16)}`, detail);
  }

  /** MEMCG-2. */
  private checkStatistics(css: Handle, name: string, { vm }: Memcg, charges: SlabCharges): void {
    const heldBack = this.view.nodes.map(({ lruvecs }) => lruvecs.heldBack(css));
    for (const { id } of this.view.nodes) {
      for (const [item, what] of slabItems.entries()) {
        const place = placeOf(id, item);
        const counted = heldBack.reduce((sum, places) => sum + (places[place] ?? 0), vm.slab.local[place] ?? 0);
        const pages = charges.slabPages(css, id, item);
        if (counted === pages) continue;
        const detail = `memcg "${name}" counts ${counted} ${what} slab pages on node ${id}, and has ${pages}`;
        this.fails(rules.slabStatistics, `memcg ${css.toString(16)}`, detail);
      }
    }
  }

  /** MEMCG-4. */
  private checkLists(node: KernelNode): void {
    for (const [handle, dentry] of node.dentries.entries()) {
      const lru = node.listLrus.find(dentry.fs);
      const on = lru?.idOf(handle);
      const should = dentry.lru === 'listed' ? lruIdOf(node, dentry) : undefined;
      if (on === should) continue;
      const detail = `"${dentry.name}" is on the list of id ${on ?? 'none'}, and belongs on that of id ${should ?? 'none'}`;
      this.fails(rules.lruList, `dentry ${handle.toString(16)}`, detail);
    }
    for (const fs of lruFilesystems) {
      for (const handle of node.listLrus.of(fs).items()) {
        if (node.dentries.peek(handle) === undefined) {
          this.fails(rules.lruList, `dentry ${handle.toString(16)}`, 'on an LRU list although it is freed');
        }
      }
    }
  }

  private fails(rule: Invariant, object: string, detail: string): void {
    this.reporter.broken(rule, object, undefined, { ...this.view.where(0), function: 'audit' }, detail);
  }
}
