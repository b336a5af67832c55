import { generationOf, type Handle, homeOf, indexOf } from './handle.js';
import { WordHeap } from './word-heap.js';
import { type Memory, viewTo, type Words } from './words.js';

/**
 * Published state: fixed-size records of numbers that every CPU of a node reads without an effect. Each node holds a
 * replica. Only handlers write, one at every node for one logical store; the storing CPU waits for all of them.
 * Records are addressed by the handle of the object they belong to; field 0 holds that handle.
 */
export class PublishedTable {
  /** Records by home node of their objects. */
  private readonly chunks: readonly Words[];

  constructor(
    readonly name: string,
    private readonly stride: number,
    nodes: number,
    memory: Memory,
  ) {
    this.chunks = Array.from({ length: nodes }, () => memory.words());
  }

  /** Make the object's record readable, all fields 0. */
  publish(handle: Handle): void {
    const base = this.place(handle);
    const { view } = this.chunk(handle);
    view.fill(0, base, base + this.stride);
    view[base] = handle;
  }

  /** Withdraw the record: from now on `isCurrent` is false for this handle. */
  withdraw(handle: Handle): void {
    if (this.isCurrent(handle)) this.write(handle, 0, 0);
  }

  isCurrent(handle: Handle): boolean {
    return handle !== 0 && this.read(handle, 0) === handle;
  }

  /** A field of the record; 0 for an object without one, such as a freed object. */
  read(handle: Handle, field: number): number {
    const base = indexOf(handle) * this.stride;
    const view = viewTo(this.chunk(handle), base + this.stride - 1);
    return view[base] === handle ? (view[base + field] as number) : 0;
  }

  write(handle: Handle, field: number, value: number): void {
    const base = this.place(handle);
    this.chunk(handle).view[base + field] = value;
  }

  private chunk(handle: Handle): Words {
    return this.chunks[homeOf(handle)] as Words;
  }

  private place(handle: Handle): number {
    if (generationOf(handle) === 0) throw new Error(`${this.name}: null handle`);
    const base = indexOf(handle) * this.stride;
    this.chunk(handle).ensure(base + this.stride);
    return base;
  }
}

/** Words of an array's entry in the directory: where it begins in the heap, and its length. */
const DIRECTORY_STRIDE = 2;

/** Published arrays of numbers, addressed by small positive numbers that are never reused. Room of dropped ones is reused. */
export class PublishedArrays {
  private readonly directory: Words;
  private readonly words: Words;
  /** Room in `words`, as their owner knows it. */
  private readonly heap: WordHeap;

  constructor(memory: Memory) {
    this.directory = memory.words();
    this.words = memory.words();
    this.heap = new WordHeap(this.words);
  }

  /** Add an array of zeros. */
  publish(array: number, length: number): void {
    const start = this.heap.allocate(length);
    this.directory.ensure(DIRECTORY_STRIDE * (array + 1));
    this.directory.view[DIRECTORY_STRIDE * array] = start;
    this.directory.view[DIRECTORY_STRIDE * array + 1] = length;
  }

  /** Length of an array, 0 once it is dropped. */
  lengthOf(array: number): number {
    return this.entry(array, 1);
  }

  read(array: number, index: number): number {
    if (index >= this.lengthOf(array)) return 0;
    const at = this.startOf(array) + index;
    return viewTo(this.words, at)[at] as number;
  }

  write(array: number, index: number, value: number): void {
    if (index >= this.lengthOf(array)) return;
    const at = this.startOf(array) + index;
    viewTo(this.words, at)[at] = value;
  }

  drop(array: number): void {
    const length = this.lengthOf(array);
    if (length === 0) return;
    this.heap.release(this.startOf(array), length);
    this.directory.view[DIRECTORY_STRIDE * array + 1] = 0;
  }

  private startOf(array: number): number {
    return this.entry(array, 0);
  }

  private entry(array: number, word: number): number {
    const at = DIRECTORY_STRIDE * array + word;
    return viewTo(this.directory, at)[at] ?? 0;
  }
}

const NAME_STRIDE = 2;

/** FNV-1a in two halves, as one 52-bit integer that is never 0. */
function hashOf(name: string): number {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let i = 0; i < name.length; i++) {
    low = Math.imul(low ^ name.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ name.charCodeAt(i), 0x85ebca6b);
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0) || 1;
}

/** Published handles of a few objects by name, found by the name's hash. Slots are filled in order; a hash of 0 is a free slot. */
export class PublishedNames {
  private readonly words: Words;
  private readonly hashes = new Map<string, number>();

  constructor(memory: Memory) {
    this.words = memory.words();
  }

  /** The handle published under a name, 0 if there is none. */
  get(name: string): Handle {
    const hash = this.hash(name);
    const slot = this.find(hash);
    const { view } = this.words;
    return view[slot] === hash ? (view[slot + 1] as number) : 0;
  }

  set(name: string, handle: Handle): void {
    const hash = this.hash(name);
    const slot = this.find(hash);
    this.words.ensure(slot + NAME_STRIDE);
    const { view } = this.words;
    view[slot + 1] = handle;
    view[slot] = hash;
  }

  private hash(name: string): number {
    const hash = this.hashes.get(name) ?? hashOf(name);
    this.hashes.set(name, hash);
    return hash;
  }

  /** The slot of a hash, else the first free one, which may lie outside the memory. */
  private find(hash: number): number {
    for (let slot = 0; ; slot += NAME_STRIDE) {
      if (slot >= this.words.view.length && slot >= this.words.refresh().length) return slot;
      const found = this.words.view[slot];
      if (found === hash || found === 0) return slot;
    }
  }
}
