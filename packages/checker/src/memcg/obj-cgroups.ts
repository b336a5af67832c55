import { ObjcgField, PAGE_SIZE, Trace } from '@kmemlab/kernel';
import { type Handle, homeOf, makeObject, type ObjectRef, pageOf, type Step } from '@kmemlab/machine';
import { Reporter } from '../reporter.js';
import type { Family, Invariant, MachineView, Rest } from '../types.js';
import { objCgroupRules as rules } from './obj-rules.js';
import { wrongStatistics } from './obj-statistics.js';
import { holdersOf, referencesOf } from './objcg-references.js';

/** An accounted object: who pays for it, and since when. */
interface Entry {
  readonly objcg: Handle;
  readonly bytes: number;
  readonly since: Step;
}

/** What an obj_cgroup pays for, as the tracepoints tell. */
interface Paid {
  objects: number;
  /** Percpu areas. */
  areas: number;
  bytes: number;
  pages: number;
  killed: Step | undefined;
}

const nameOf = (objcg: Handle): string => `obj_cgroup ${objcg.toString(16)}`;

/** OBJ-1 to OBJ-5: who pays for which object is followed here and compared with the kernel's state when all is quiet. */
export class ObjCgroups implements Family {
  private readonly entries = new Map<ObjectRef, Entry>();
  private readonly paid = new Map<Handle, Paid>();
  /** How many objects of each slab block somebody pays for. */
  private readonly inBlocks = new Map<Handle, number>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  readonly listeners: Family['listeners'] = [
    [Trace.objectAccount, (cpu, object, objcg, bytes) => this.account(cpu, object, objcg, bytes)],
    [Trace.objectUnaccount, (cpu, object, objcg) => this.unaccount(cpu, object, objcg)],
    [Trace.objectAlloc, (cpu, object) => this.allocated(cpu, object)],
    [Trace.slabRemove, (cpu, page) => this.blockGone(cpu, page)],
    [Trace.percpuAccount, (_cpu, objcg, bytes) => this.payArea(objcg, bytes)],
    [
      Trace.objcgCharge,
      (_cpu, objcg, pages) => {
        this.of(objcg).pages += pages;
      },
    ],
    [
      Trace.objcgKill,
      (cpu, objcg) => {
        this.of(objcg).killed = this.view.where(cpu);
      },
    ],
    [Trace.objcgRelease, (cpu, objcg, bytes) => this.release(cpu, objcg, bytes)],
    [Trace.objcgFree, (_cpu, objcg) => this.paid.delete(objcg)],
  ];

  audit(rest: Rest): void {
    if (rest !== 'quiet') return;
    for (const node of this.view.nodes) {
      for (const [page, { owners }] of node.objVectors) this.checkVector(page, owners);
    }
    this.checkEntries();
    this.checkStatistics();
    const holders = holdersOf(this.view);
    for (const node of this.view.nodes) {
      for (const [objcg, record] of node.objCgroups.entries()) {
        const held = holders.get(objcg) ?? { active: 0, stocks: 0, stockBytes: 0, lists: [] };
        const { objects, areas, bytes, pages } = this.of(objcg);
        const references = referencesOf(this.view, objcg, record);
        const expected = objects + areas + held.stocks + held.active;
        if (references !== expected) {
          const detail = `${references} references, but ${objects} objects, ${areas} percpu areas, ${held.stocks} stocks, active ${held.active}`;
          this.fails(rules.references, objcg, detail);
        }
        if (pages * PAGE_SIZE !== bytes + held.stockBytes + record.nrChargedBytes) {
          const detail = `${pages} pages charged, but ${bytes} bytes of objects, ${held.stockBytes} in stocks, ${record.nrChargedBytes} left over`;
          this.fails(rules.bytes, objcg, detail);
        }
        if (held.active === 0) this.checkList(objcg, held.lists);
      }
    }
  }

  /** OBJ-1: an object gets an owner. */
  private account(cpu: number, object: ObjectRef, objcg: Handle, bytes: number): void {
    const old = this.entries.get(object);
    if (old !== undefined) {
      this.objectFails(cpu, object, old.since, `gets an owner while its entry still names ${nameOf(old.objcg)}`);
    }
    const since = Reporter.past(cpu, 'kmem_cache_alloc', this.view.now(cpu));
    this.entries.set(object, { objcg, bytes, since });
    const page = pageOf(object);
    this.inBlocks.set(page, (this.inBlocks.get(page) ?? 0) + 1);
    const paid = this.of(objcg);
    paid.objects++;
    paid.bytes += bytes;
  }

  /** OBJ-1: an object that is being freed loses its owner. */
  private unaccount(cpu: number, object: ObjectRef, objcg: Handle): void {
    const entry = this.entries.get(object);
    if (entry === undefined || entry.objcg !== objcg) {
      const owner = entry === undefined ? 'nobody' : nameOf(entry.objcg);
      this.objectFails(cpu, object, entry?.since, `freed for ${nameOf(objcg)}, but ${owner} pays for it`);
      return;
    }
    this.entries.delete(object);
    const page = pageOf(object);
    const left = (this.inBlocks.get(page) ?? 0) - 1;
    if (left > 0) this.inBlocks.set(page, left);
    else this.inBlocks.delete(page);
    const paid = this.of(objcg);
    paid.objects--;
    paid.bytes -= entry.bytes;
  }

  /** OBJ-1: an object is handed out. */
  private allocated(cpu: number, object: ObjectRef): void {
    const entry = this.entries.get(object);
    if (entry !== undefined) {
      this.objectFails(cpu, object, entry.since, `handed out while its entry names ${nameOf(entry.objcg)}`);
    }
  }

  /** OBJ-1: a slab block goes back to the page allocator. */
  private blockGone(cpu: number, page: Handle): void {
    const left = this.inBlocks.get(page);
    if (left === undefined) return;
    const detail = `goes with ${left} objects that somebody pays for`;
    this.reporter.broken(rules.entries, `slab ${page.toString(16)}`, undefined, this.view.where(cpu), detail);
  }

  private payArea(objcg: Handle, bytes: number): void {
    const paid = this.of(objcg);
    paid.areas += bytes > 0 ? 1 : -1;
    paid.bytes += bytes;
  }

  /** OBJ-2, OBJ-3: the last reference is gone. */
  private release(cpu: number, objcg: Handle, charged: number): void {
    const paid = this.of(objcg);
    const now = this.view.where(cpu);
    if (paid.objects + paid.areas > 0) {
      const detail = `released while it pays for ${paid.objects} objects and ${paid.areas} percpu areas`;
      this.reporter.broken(rules.references, nameOf(objcg), paid.killed, now, detail);
    }
    if (charged !== paid.pages * PAGE_SIZE) {
      const detail = `released with ${charged} bytes left over, but ${paid.pages} pages are charged for it`;
      this.reporter.broken(rules.bytes, nameOf(objcg), paid.killed, now, detail);
    }
  }

  /** OBJ-1: a vector against the accounted objects. */
  private checkVector(page: Handle, owners: readonly Handle[]): void {
    for (const [slot, objcg] of owners.entries()) {
      const object = makeObject(page, slot);
      const entry = this.entries.get(object);
      if (objcg === (entry?.objcg ?? 0)) continue;
      const owner = objcg === 0 ? 'nobody' : nameOf(objcg);
      const payer = entry === undefined ? 'it is free, or nobody pays for it' : `${nameOf(entry.objcg)} pays for it`;
      this.objectFails(0, object, entry?.since, `its entry names ${owner}, but ${payer}`);
    }
  }

  /** OBJ-1: every accounted object lies in a block that has a vector. */
  private checkEntries(): void {
    for (const [object, { since }] of this.entries) {
      const page = pageOf(object);
      if (this.view.nodes[homeOf(page)]?.objVectors.has(page)) continue;
      this.objectFails(0, object, since, 'somebody pays for it, but its block has no vector');
    }
  }

  /** OBJ-5. */
  private checkStatistics(): void {
    if (this.view.build.policies.reclaim.slabUnit !== 'bytes') return;
    for (const { css, detail } of wrongStatistics(this.view, this.entries)) {
      const now = { ...this.view.where(this.view.topology.firstCpuOf(homeOf(css))), function: 'audit' };
      this.reporter.broken(rules.statistics, `memcg ${css.toString(16)}`, undefined, now, detail);
    }
  }

  /** OBJ-4. */
  private checkList(objcg: Handle, lists: readonly Handle[]): void {
    const memcg = this.view.nodes[0]?.published.objCgroups.read(objcg, ObjcgField.memcg) ?? 0;
    if (lists.length === 1 && lists[0] === memcg) return;
    const found =
      lists.length === 0 ? 'no list' : lists.map((list) => `the list of memcg ${list.toString(16)}`).join(', ');
    this.fails(rules.inherited, objcg, `stands for memcg ${memcg.toString(16)}, but is on ${found}`);
  }

  private of(objcg: Handle): Paid {
    const paid = this.paid.get(objcg) ?? { objects: 0, areas: 0, bytes: 0, pages: 0, killed: undefined };
    this.paid.set(objcg, paid);
    return paid;
  }

  private objectFails(cpu: number, object: ObjectRef, earlier: Step | undefined, detail: string): void {
    this.reporter.broken(rules.entries, `object ${object.toString(16)}`, earlier, this.view.where(cpu), detail);
  }

  private fails(rule: Invariant, objcg: Handle, detail: string): void {
    const now = { ...this.view.where(this.view.topology.firstCpuOf(homeOf(objcg))), function: 'audit' };
    this.reporter.broken(rule, nameOf(objcg), this.paid.get(objcg)?.killed, now, detail);
  }
}
