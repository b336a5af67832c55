import type { Step } from './verdict.js';
import { actorOf, VerdictError } from './verdict.js';

/**
 * A handle names one incarnation of a kernel object: home node (7 bits), index (23 bits), generation (14 bits), as one
 * safe integer, so that it can stand in a typed array, a message or a published word. 0 is the null handle.
 */
export type Handle = number;

/** A slab object: the handle of its page with the slot number (8 bits) appended; fits 52 bits. */
export type ObjectRef = number;

const GENERATIONS = 2 ** 14;
const INDEXES = 2 ** 23;
const SLOTS = 256;

/** `number % of`, which is slow where the number is no small integer. */
const remainder = (number: number, of: number): number => number - Math.floor(number / of) * of;

/** Most nodes of a machine, as the bits of a handle allow. */
export const MAX_NODES = 128;

/** @param node 0 to MAX_NODES - 1; @param index place in the node's table; @param generation at least 1, so that no handle is 0 */
export const makeHandle = (node: number, index: number, generation: number): Handle =>
  (node * INDEXES + index) * GENERATIONS + generation;

/** The node whose handlers touch the object. */
export const homeOf = (handle: Handle): number => Math.floor(handle / (GENERATIONS * INDEXES));

/** Place in the home node's table of such objects. Node and index fit the 31 bits of `&`. */
export const indexOf = (handle: Handle): number => Math.floor(handle / GENERATIONS) & (INDEXES - 1);

/** Which of the objects that had this place, one after the other. */
export const generationOf = (handle: Handle): number => remainder(handle, GENERATIONS);

/** The object in a slot of a page, 0 to 255. */
export const makeObject = (page: Handle, slot: number): ObjectRef => page * SLOTS + slot;

/** The first page of the slab that the object lies in. */
export const pageOf = (object: ObjectRef): Handle => Math.floor(object / SLOTS);

/** Place of the object in its slab. */
export const slotOf = (object: ObjectRef): number => remainder(object, SLOTS);

/** Home node of a slab object, i.e. of its page. */
export const nodeOfObject = (object: ObjectRef): number => homeOf(pageOf(object));

/**
 * The live objects of one kind at their home node. A record is reachable only through a handle of the current
 * generation; any other handle is a use after free and ends in a verdict that names the freeing step.
 */
export class HandleTable<T> {
  private readonly records: (T | undefined)[] = [];
  private readonly generations: number[] = [];
  private readonly freedBy: (Step | undefined)[] = [];
  private readonly free: number[] = [];
  live = 0;

  constructor(
    readonly kind: string,
    readonly node: number,
  ) {}

  allocate(record: T): Handle {
    this.live++;
    const index = this.free.pop() ?? this.records.length;
    const generation = ((this.generations[index] ?? 0) % (GENERATIONS - 1)) + 1;
    this.generations[index] = generation;
    this.records[index] = record;
    return makeHandle(this.node, index, generation);
  }

  /** @throws VerdictError use-after-free if the object was freed, naming both conflicting steps. */
  get(handle: Handle, now: () => Step): T {
    const index = indexOf(handle);
    const record = this.records[index];
    if (record === undefined || this.generations[index] !== generationOf(handle)) {
      throw this.stale(handle, now(), 'use-after-free');
    }
    return record;
  }

  /** The record if the handle is still valid; for code that may legally meet a freed object. */
  peek(handle: Handle): T | undefined {
    const index = indexOf(handle);
    return this.generations[index] === generationOf(handle) ? this.records[index] : undefined;
  }

  /** @throws VerdictError double-destroy if the object was freed before. */
  release(handle: Handle, step: Step): T {
    const index = indexOf(handle);
    const record = this.peek(handle);
    if (record === undefined) throw this.stale(handle, step, 'double-destroy');
    this.records[index] = undefined;
    this.freedBy[index] = step;
    this.free.push(index);
    this.live--;
    return record;
  }

  /** The live objects, as they are now. */
  entries(): readonly (readonly [Handle, T])[] {
    const { records, generations, node } = this;
    const entries: (readonly [Handle, T])[] = [];
    for (let index = 0; index < records.length; index++) {
      const record = records[index];
      if (record !== undefined) entries.push([makeHandle(node, index, generations[index] ?? 0), record]);
    }
    return entries;
  }

  private stale(handle: Handle, step: Step, verdictClass: 'use-after-free' | 'double-destroy'): VerdictError {
    const freed = this.freedBy[indexOf(handle)];
    return new VerdictError({
      class: verdictClass,
      id: verdictClass,
      object: `${this.kind} ${handle.toString(16)}`,
      ...(freed !== undefined && { owner: actorOf(freed) }),
      steps: freed === undefined ? [step] : [freed, step],
      detail: freed === undefined ? `no ${this.kind} has this handle` : `${this.kind} was freed in ${freed.function}`,
    });
  }
}
