import { CacheField, type KernelNode } from '@kmemlab/kernel';
import { type Handle, homeOf, type ObjectRef, pageOf, slotOf } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { PageStates } from '../slab/page-states.js';
import type { Invariant, MachineView } from '../types.js';
import { isDeactivated } from './deactivated.js';
import { slubRules as rules } from './rules.js';

type PageRecord = NonNullable<ReturnType<KernelNode['pages']['peek']>>;

/** Who holds a frozen slab, and its objects that only this CPU hands out. */
interface Owner {
  readonly cpu: number;
  readonly freelist: readonly ObjectRef[];
}

const nameOf = (page: Handle, { cache }: PageRecord): string =>
  `slab ${page.toString(16)} of cache ${cache.toString(16)}`;

/** SLUB-1, SLUB-2, SLUB-3 and SLUB-5 on a quiet machine: every slab against the CPUs and nodes that have it. */
export class SlubAudit {
  private readonly owners = new Map<Handle, Owner>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly pages: PageStates,
    /** Caches from which objects were allocated after their memcg went offline. */
    private readonly late: ReadonlySet<Handle>,
  ) {}

  run(): void {
    this.findOwners();
    for (const node of this.view.nodes) {
      for (const [page, record] of node.pages.entries()) {
        if (record.cache !== 0 && record.list !== 'none') this.checkSlab(node, page, record);
      }
      this.checkCounts(node);
    }
    for (const node of this.view.nodes) this.checkDeactivated(node);
  }

  private findOwners(): void {
    this.owners.clear();
    for (const node of this.view.nodes) {
      for (const { cpu, cpuSlabs } of node.allWords()) {
        for (const slab of cpuSlabs.used()) {
          if (slab.page !== 0) this.own(node, slab.page, { cpu, freelist: slab.freelist });
          for (const { page } of slab.partial) this.own(node, page, { cpu, freelist: [] });
        }
      }
    }
  }

  /** SLUB-1: one owner. SLUB-3: the slab is frozen. */
  private own(node: KernelNode, page: Handle, owner: Owner): void {
    const record = this.view.nodes[homeOf(page)]?.pages.peek(page);
    const first = this.owners.get(page);
    this.owners.set(page, owner);
    if (record === undefined || record.list === 'none') {
      this.fails(
        rules.discarded,
        node,
        `slab ${page.toString(16)}`,
        `CPU${owner.cpu} holds it although it was discarded`,
      );
    } else if (first !== undefined) {
      this.fails(rules.conservation, node, nameOf(page, record), `CPU${first.cpu} and CPU${owner.cpu} hold it`);
    } else if (record.list !== 'frozen') {
      this.fails(rules.owner, node, nameOf(page, record), `CPU${owner.cpu} holds it, but it is not frozen`);
    }
  }

  private checkSlab(node: KernelNode, page: Handle, record: PageRecord): void {
    const { list, active, num, free } = record;
    const name = nameOf(page, record);
    const onNode = node.slub.nodes.get(record.cache)?.partial.has(page) ?? false;
    const owner = this.owners.get(page);
    if (onNode && list !== 'partial')
      this.fails(rules.owner, node, name, `on the partial list of node ${node.id}, but ${list}`);
    if (!onNode && list === 'partial') this.fails(rules.conservation, node, name, 'partial, but on no list');
    if (list === 'frozen' && owner === undefined)
      this.fails(rules.conservation, node, name, 'frozen, but no CPU holds it');
    if (list === 'full' && free.length > 0) {
      this.fails(rules.conservation, node, name, `on no list and no CPU’s, with ${free.length} free objects`);
    }
    if (active + free.length !== num || new Set(free).size !== free.length) {
      this.fails(rules.counts, node, name, `${active} of ${num} objects in use, ${free.length} on the free list`);
    }
    this.checkUse(node, page, record, owner?.freelist ?? []);
  }

  /** SLUB-2: what is in use is with users and on the owner's private list. */
  private checkUse(node: KernelNode, page: Handle, record: PageRecord, freelist: readonly ObjectRef[]): void {
    const state = this.pages.get(page);
    const live = state?.live ?? 0;
    const wrong = freelist.find(
      (object) => pageOf(object) !== page || state?.isLive(object) === true || record.free.includes(slotOf(object)),
    );
    if (wrong !== undefined) {
      this.fails(
        rules.counts,
        node,
        nameOf(page, record),
        `object ${wrong.toString(16)} is on a private list and elsewhere`,
      );
    }
    if (record.active === live + freelist.length) return;
    const detail = `${record.active} objects in use, but ${live} are with users and ${freelist.length} on its owner’s list`;
    this.fails(rules.counts, node, nameOf(page, record), detail);
  }

  /** SLUB-1: nr_slabs counts the slabs that are there. */
  private checkCounts(node: KernelNode): void {
    const slabs = new Map<Handle, number>();
    for (const [, { cache, list }] of node.pages.entries()) {
      if (cache !== 0 && list !== 'none') slabs.set(cache, (slabs.get(cache) ?? 0) + 1);
    }
    for (const [cache, lists] of node.slub.nodes) {
      const found = slabs.get(cache) ?? 0;
      if (lists.slabs === found) continue;
      const detail = `node ${node.id} counts ${lists.slabs} slabs, there are ${found}`;
      this.fails(rules.conservation, node, `cache ${cache.toString(16)}`, detail);
    }
  }

  /** SLUB-5. */
  private checkDeactivated(node: KernelNode): void {
    for (const [cache, lists] of node.slub.nodes) {
      if (!this.isDeactivated(cache)) continue;
      const name = `cache ${cache.toString(16)}`;
      for (const { cpu, cpuSlabs } of node.allWords()) {
        if (cpuSlabs.hasCpuSlab(cache)) this.fails(rules.deactivated, node, name, `CPU${cpu} still holds slabs of it`);
      }
      const empty = [...lists.partial].filter((page) => node.pages.peek(page)?.active === 0).length;
      if (empty > 0) this.fails(rules.deactivated, node, name, `node ${node.id} keeps ${empty} empty slabs of it`);
    }
  }

  private isDeactivated(cache: Handle): boolean {
    if (this.late.has(cache) || !isDeactivated(this.view, cache)) return false;
    const root = (this.view.nodes[0] as KernelNode).published.caches.read(cache, CacheField.root);
    return this.view.nodes[homeOf(root)]?.caches.peek(root)?.dying !== true;
  }

  private fails(rule: Invariant, node: KernelNode, object: string, detail: string): void {
    const now = { ...this.view.where(this.view.topology.firstCpuOf(node.id)), function: 'audit' };
    this.reporter.broken(rule, object, undefined, now, detail);
  }
}
