import type { KernelNode } from '@kmemlab/kernel';
import {
  type Handle,
  homeOf,
  makeObject,
  nodeOfObject,
  type ObjectRef,
  pageOf,
  type Step,
  slotOf,
} from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Invariant, MachineView } from '../types.js';
import type { PageStates } from './page-states.js';
import { slabRules as rules } from './rules.js';

type PageRecord = NonNullable<ReturnType<KernelNode['pages']['peek']>>;

interface Sums {
  /** Objects free in slabs, in arrays anywhere, and live. */
  free: number;
  inArrays: number;
  live: number;
  capacity: number;
}

const SLOTS = 256;

/** SLAB-1, SLAB-2, SLAB-3 and SLAB-8 on a quiet machine: the whole of all lists and arrays against what users hold. */
export class SlabAudit {
  private readonly slots = new Uint8Array(SLOTS);
  /** Objects found in arrays by the audit in progress. */
  private readonly inArrays = new Set<ObjectRef>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly pages: PageStates,
  ) {}

  run(): void {
    const sums = this.view.nodes.map(() => new Map<Handle, Sums>());
    this.addArrays(sums);
    for (const node of this.view.nodes) {
      const ofNode = sums[node.id] as Map<Handle, Sums>;
      this.addSlabs(node, ofNode);
      for (const [cache, sum] of ofNode) this.checkSum(node, cache, sum);
    }
  }

  private addArrays(sums: readonly Map<Handle, Sums>[]): void {
    this.inArrays.clear();
    for (const node of this.view.nodes) {
      for (const words of node.allWords()) {
        for (const array of words.arrays.values()) {
          this.addEntries(node, array.cache, array.contents(), sums);
        }
      }
      for (const [cache, lists] of node.slabNodes) {
        if (lists.shared !== null) this.addEntries(node, cache, lists.shared, sums);
        for (const objects of lists.alien.values()) this.addEntries(node, cache, objects, sums);
      }
    }
  }

  /** SLAB-3, SLAB-8: the objects in one array. */
  private addEntries(
    node: KernelNode,
    cache: Handle,
    objects: readonly ObjectRef[],
    sums: readonly Map<Handle, Sums>[],
  ): void {
    if (objects.length > 0) this.checkPinned(node, cache);
    for (const object of objects) {
      const record = this.view.nodes[nodeOfObject(object)]?.pages.peek(pageOf(object));
      if (this.inArrays.has(object)) this.objectFails(node, object, 'in two arrays');
      else if (this.pages.ofObject(object)?.isLive(object)) this.objectFails(node, object, 'in an array and in use');
      else if (record?.free.includes(slotOf(object)))
        this.objectFails(node, object, 'in an array and free in its slab');
      this.inArrays.add(object);
      sumOf(sums[nodeOfObject(object)] as Map<Handle, Sums>, cache).inArrays++;
    }
  }

  /** SLAB-8. */
  private checkPinned(node: KernelNode, cache: Handle): void {
    const record = this.view.nodes[homeOf(cache)]?.caches.peek(cache);
    const gone = record === undefined ? 'cache' : this.isFreed(record.memcg) ? 'memcg' : undefined;
    if (gone === undefined) return;
    this.fails(
      rules.arraysPin,
      node,
      `cache ${cache.toString(16)}`,
      `objects are in its arrays although the ${gone} is freed`,
    );
  }

  private isFreed(memcg: Handle): boolean {
    return memcg !== 0 && this.view.nodes[homeOf(memcg)]?.csses.peek(memcg) === undefined;
  }

  private addSlabs(node: KernelNode, sums: Map<Handle, Sums>): void {
    const free = new Map<Handle, number>();
    for (const [page, record] of node.pages.entries()) {
      if (record.cache === 0 || record.list === 'none') continue;
      const sum = sumOf(sums, record.cache);
      sum.free += record.free.length;
      sum.capacity += record.num;
      sum.live += this.pages.get(page)?.live ?? 0;
      free.set(record.cache, (free.get(record.cache) ?? 0) + record.num - record.active);
      this.checkSlab(node, page, record);
    }
    for (const [cache, lists] of node.slabNodes) {
      const inSlabs = free.get(cache) ?? 0;
      if (lists.freeObjects === inSlabs) continue;
      const detail = `free_objects is ${lists.freeObjects}, but the slabs have ${inSlabs} free objects`;
      this.fails(rules.counts, node, `cache ${cache.toString(16)}`, detail);
    }
  }

  /** SLAB-2, SLAB-3: one slab by itself. */
  private checkSlab(node: KernelNode, page: Handle, record: PageRecord): void {
    const { active, num, list, free, cache } = record;
    const object = `slab ${page.toString(16)} of cache ${cache.toString(16)}`;
    const should = active === 0 ? 'free' : active === num ? 'full' : 'partial';
    const lists = node.slabNodes.get(cache);
    const listed = list === 'free' ? lists?.free.includes(page) : list !== 'partial' || lists?.partial.has(page);
    if (list !== should || listed !== true)
      this.fails(rules.counts, node, object, `${active} of ${num} active on list ${list}`);
    if (free.length !== num - active)
      this.fails(rules.counts, node, object, `${free.length} free, ${active} active, of ${num}`);
    this.slots.fill(0);
    for (const slot of free) {
      if (this.slots[slot] === 1) this.fails(rules.onePlace, node, object, `slot ${slot} is free twice`);
      this.slots[slot] = 1;
    }
  }

  /** SLAB-1. */
  private checkSum(node: KernelNode, cache: Handle, { free, inArrays, live, capacity }: Sums): void {
    const found = free + inArrays + live;
    if (found === capacity) return;
    const detail = `node ${node.id} has ${free} free in slabs, ${inArrays} in arrays, ${live} live, of ${capacity} objects`;
    const object = `cache ${cache.toString(16)}`;
    if (found > capacity) this.fails(rules.conservation, node, object, detail);
    else this.lost(node, cache, detail);
  }

  /** SLAB-1: an object that is in no slab's free list, in no array, and not in use. */
  private lost(node: KernelNode, cache: Handle, detail: string): void {
    for (const [page, record] of node.pages.entries()) {
      if (record.cache !== cache || record.list === 'none') continue;
      const state = this.pages.get(page);
      for (let slot = 0; slot < record.num; slot++) {
        const object = makeObject(page, slot);
        if (record.free.includes(slot) || this.inArrays.has(object) || state?.isLive(object)) continue;
        const name = `object ${object.toString(16)} of cache ${cache.toString(16)}`;
        const last = state?.lastStep(object);
        const text = `in no slab, in no array and not in use since ${last?.function ?? 'boot'}; ${detail}`;
        this.fails(rules.conservation, node, name, text, last, { class: 'lost-object' });
        return;
      }
    }
  }

  private objectFails(node: KernelNode, object: ObjectRef, detail: string): void {
    const last = this.pages.ofObject(object)?.lastStep(object);
    this.fails(rules.onePlace, node, `object ${object.toString(16)}`, detail, last);
  }

  private fails(
    rule: Invariant,
    node: KernelNode,
    object: string,
    detail: string,
    earlier?: Step,
    more?: Parameters<Reporter['broken']>[5],
  ): void {
    const now = { ...this.view.where(this.view.topology.firstCpuOf(node.id)), function: 'audit' };
    this.reporter.broken(rule, object, earlier, now, detail, more);
  }
}

function sumOf(sums: Map<Handle, Sums>, cache: Handle): Sums {
  let sum = sums.get(cache);
  if (sum === undefined) {
    sum = { free: 0, inArrays: 0, live: 0, capacity: 0 };
    sums.set(cache, sum);
  }
  return sum;
}
