import { type Handle, makeObject, type ObjectRef, pageOf, type Step, slotOf } from '@kmemlab/machine';
import type { KernelNode } from '../../node.js';
import { Trace } from '../../tracepoints.js';
import type { DetachedSlab, SlabPage, SlabTrim } from './types.js';

/** REAPTIMEOUT_NODE: cache_reap looks after a node's shared array and free slabs once in so many seconds. */
export const NODE_REAP_SECONDS = 4;

/**
 * struct kmem_cache_node: one cache's slabs and arrays on one node, at that node. Each method is the body of one section
 * under its list_lock; the handlers that call them are the sections.
 */
export class KmemCacheNode {
  readonly partial = new Set<Handle>();
  /** Free slabs; the head of the kernel's list is the end of this array. */
  readonly free: Handle[] = [];
  totalSlabs = 0;
  freeObjects = 0;
  freeLimit = 0;
  freeTouched = false;
  /** The node's shared array, null if there is none. */
  shared: ObjectRef[] | null = null;
  sharedLimit = 0;
  sharedTouched = false;
  /** Alien arrays by home node of the objects in them. */
  readonly alien = new Map<number, ObjectRef[]>();
  /** Jiffies. */
  nextReap: number;
  trims: SlabTrim = 'lastFree';

  constructor(
    private readonly node: KernelNode,
    readonly cache: Handle,
    readonly num: number,
    nextReap: number,
  ) {
    this.nextReap = nextReap;
  }

  /** Up to `want` objects for a per-CPU array: from the shared array if it has any, else from partial, then free slabs. */
  refill(want: number, step: () => Step): ObjectRef[] {
    if (this.shared !== null && this.shared.length > 0) {
      this.sharedTouched = true;
      return this.shared.splice(Math.max(0, this.shared.length - want));
    }
    return this.takeFromSlabs(want, step);
  }

  /** Up to `want` objects from partial, then free slabs. */
  takeFromSlabs(want: number, step: () => Step): ObjectRef[] {
    const objects: ObjectRef[] = [];
    while (objects.length < want) {
      const page = this.firstPartial() ?? this.takeFree();
      if (page === undefined) break;
      this.takeObjects(page, want - objects.length, objects, step);
    }
    return objects;
  }

  private firstPartial(): Handle | undefined {
    const [first] = this.partial;
    return first;
  }

  private takeFree(): Handle | undefined {
    this.freeTouched = true;
    return this.free.pop();
  }

  private takeObjects(page: Handle, most: number, objects: ObjectRef[], step: () => Step): void {
    const record = this.node.pages.get(page, step);
    for (let n = 0; n < most && record.free.length > 0; n++) {
      objects.push(makeObject(page, record.free.pop() as number));
      record.active++;
      this.freeObjects--;
    }
    this.fileFirst(page, record);
  }

  /** A slab that objects were taken from is the next to be used (fixup_slab_list); an untouched new one the last. */
  private fileFirst(page: Handle, record: SlabPage): void {
    if (record.active === 0) {
      record.list = 'free';
      this.free.unshift(page);
      return;
    }
    if (record.active === record.num) {
      record.list = 'full';
      this.partial.delete(page);
      return;
    }
    record.list = 'partial';
    if (this.partial.size === 0 || this.firstPartial() === page) this.partial.add(page);
    else this.makeFirstPartial(page);
  }

  private makeFirstPartial(page: Handle): void {
    const others = [...this.partial];
    this.partial.clear();
    for (const slab of [page, ...others]) this.partial.add(slab);
  }

  /** A slab that objects were given back to: the first of the free slabs, or the last of the partial ones. */
  private fileLast(page: Handle, record: SlabPage): void {
    if (record.active === 0) {
      record.list = 'free';
      this.free.push(page);
    } else {
      record.list = 'partial';
      this.partial.add(page);
    }
  }

  /** cache_grow_end: link a new slab and take up to `take` objects out of it at once. */
  add(page: Handle, record: SlabPage, take: number, step: () => Step): ObjectRef[] {
    this.totalSlabs++;
    this.freeObjects += record.num;
    const objects: ObjectRef[] = [];
    this.takeObjects(page, take, objects, step);
    return objects;
  }

  /**
   * free_block: give objects back to their slabs. While too many objects are free, 3.14 detaches each slab that it empties
   * at once, 4.10 in the end the free slabs that were emptied first.
   */
  freeBlock(objects: readonly ObjectRef[], step: () => Step): DetachedSlab[] {
    return this.trims === 'emptied' ? this.freeAndTrimEach(objects, step) : this.freeThenTrim(objects, step);
  }

  private freeAndTrimEach(objects: readonly ObjectRef[], step: () => Step): DetachedSlab[] {
    const detached: DetachedSlab[] = [];
    let last = 0;
    for (const object of objects) {
      last = this.giveBack(object, last, step);
      this.freeObjects++;
      if (this.freeObjects <= this.freeLimit || this.free.at(-1) !== pageOf(object)) continue;
      detached.push(this.detach(this.free.pop() as Handle, step));
    }
    return detached;
  }

  private freeThenTrim(objects: readonly ObjectRef[], step: () => Step): DetachedSlab[] {
    this.freeObjects += objects.length;
    let last = 0;
    for (const object of objects) last = this.giveBack(object, last, step);
    const detached: DetachedSlab[] = [];
    while (this.freeObjects > this.freeLimit && this.free.length > 0) {
      detached.push(this.detach(this.free.shift() as Handle, step));
    }
    return detached;
  }

  /** @param last the page that was filed before this object, which stays where it is; 0 if none was. Returns the object's page */
  private giveBack(object: ObjectRef, last: Handle, step: () => Step): Handle {
    const page = pageOf(object);
    const record = this.node.pages.get(page, step);
    record.free.push(slotOf(object));
    record.active--;
    if (page === last && record.active > 0) return page;
    this.partial.delete(page);
    this.fileLast(page, record);
    return page;
  }

  /**
   * cache_flusharray: as many of the array's oldest entries to the shared array as it has room for; if it has none, all
   * of them to their slabs. `taken` entries leave the caller's array.
   */
  flush(objects: readonly ObjectRef[], step: () => Step): { taken: number; detached: DetachedSlab[] } {
    const room = this.sharedRoom;
    if (room <= 0) return { taken: objects.length, detached: this.freeBlock(objects, step) };
    const moved = objects.slice(0, room);
    this.shared?.push(...moved);
    return { taken: moved.length, detached: [] };
  }

  /** __drain_alien_cache: objects that waited on another node; the newest to the shared array, the rest to their slabs. */
  receive(objects: readonly ObjectRef[], step: () => Step): DetachedSlab[] {
    const rest = Math.max(0, objects.length - Math.max(0, this.sharedRoom));
    this.shared?.push(...objects.slice(rest));
    return rest > 0 ? this.freeBlock(objects.slice(0, rest), step) : [];
  }

  private get sharedRoom(): number {
    return this.shared === null ? 0 : this.sharedLimit - this.shared.length;
  }

  /** Empty the shared array into the slabs. */
  drainShared(step: () => Step): DetachedSlab[] {
    return this.shared === null ? [] : this.freeBlock(this.shared.splice(0), step);
  }

  /** drain_freelist, one step: unlink the last free slab. */
  detachLastFree(step: () => Step): DetachedSlab | null {
    const page = this.free.shift();
    return page === undefined ? null : this.detach(page, step);
  }

  private detach(page: Handle, step: () => Step): DetachedSlab {
    const record = this.node.pages.get(page, step);
    record.list = 'none';
    this.totalSlabs--;
    this.freeObjects -= record.num;
    this.node.trace(Trace.slabRemove, step().cpu, page, this.cache, record.active, 0);
    return { page, memcg: record.memcg, order: record.order };
  }
}
