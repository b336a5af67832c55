import {
  type Handle,
  homeOf,
  indexOf,
  type Memory,
  type Topology,
  viewTo,
  WordHeap,
  type Words,
} from '@kmemlab/machine';
import { ArrayCache, type ArrayMade, arrayWords } from './array-cache.js';

/** The first word of the heap is never handed out, so that 0 in the directory means that there is no array. */
const FIRST = 1;

/**
 * Memory of the array_caches of all CPUs of a node: a directory by home and index of the array set, and the arrays
 * themselves. Handlers of the node make and free them, one at a time; each CPU works on the contents of its own.
 */
export class CpuArrayTable {
  readonly heap: Words;
  private readonly directories: readonly Words[];
  /** Room in the heap, as its owner knows it. */
  private readonly room: WordHeap;
  private readonly cpusPerNode: number;
  private made = 0;

  constructor({ nodes, cpusPerNode }: Topology, memory: Memory) {
    this.cpusPerNode = cpusPerNode;
    this.directories = Array.from({ length: nodes }, () => memory.words());
    this.heap = memory.words();
    this.room = new WordHeap(this.heap, FIRST);
  }

  /** The arrays of the CPU with this index within the node. */
  of(index: number): CpuArrays {
    return new CpuArrays(this, index, this.directories.length);
  }

  /** The array that the directory has for a set of one CPU, or for an earlier set with the same index. */
  find(set: Handle, index: number): ArrayCache | undefined {
    const directory = this.directoryOf(set);
    const at = this.place(set, index);
    return this.arrayAt(viewTo(directory, at)[at] ?? 0);
  }

  /** Make an empty array, in place of one of an earlier set with the same index. For a handler of this node. */
  create(index: number, array: ArrayMade): void {
    this.free(array.set, index);
    const start = this.room.allocate(arrayWords(array.limit));
    ArrayCache.make(this.heap, start, ++this.made, array);
    const directory = this.directoryOf(array.set);
    const at = this.place(array.set, index);
    directory.ensure(at + 1);
    directory.view[at] = start;
  }

  /** Free what the directory has for a set. For a handler of this node. */
  free(set: Handle, index: number): void {
    const array = this.find(set, index);
    if (array === undefined) return;
    this.directoryOf(set).view[this.place(set, index)] = 0;
    array.erase();
    this.room.release(array.start, arrayWords(array.limit));
  }

  /** All arrays of one CPU, in no order. */
  all(index: number): ArrayCache[] {
    const arrays: ArrayCache[] = [];
    for (const directory of this.directories) {
      const view = directory.refresh();
      for (let at = index; at < view.length; at += this.cpusPerNode) {
        const array = this.arrayAt(view[at] as number);
        if (array !== undefined) arrays.push(array);
      }
    }
    return arrays;
  }

  /** The array at a place in the heap; undefined for 0. */
  private arrayAt(start: number): ArrayCache | undefined {
    if (start === 0) return undefined;
    this.heap.refresh();
    return new ArrayCache(this.heap, start);
  }

  private directoryOf(set: Handle): Words {
    return this.directories[homeOf(set)] as Words;
  }

  private place(set: Handle, index: number): number {
    return indexOf(set) * this.cpusPerNode + index;
  }
}

/** One CPU's array_caches, by array set. */
export class CpuArrays {
  /** Arrays found so far, by home and index of their sets. */
  private readonly found: (ArrayCache | undefined)[][];

  constructor(
    private readonly table: CpuArrayTable,
    private readonly index: number,
    nodes: number,
  ) {
    this.found = Array.from({ length: nodes }, () => []);
  }

  /** This CPU's array of a set; undefined if it has none. */
  get(set: Handle): ArrayCache | undefined {
    if (set === 0) return undefined;
    const found = this.found[homeOf(set)] as (ArrayCache | undefined)[];
    const known = found[indexOf(set)];
    if (known?.set === set && known.present) return known;
    const array = this.table.find(set, this.index);
    if (array?.set !== set) return undefined;
    found[indexOf(set)] = array;
    return array;
  }

  /** All arrays, in the order in which they were made. */
  values(): ArrayCache[] {
    return this.table.all(this.index).sort((a, b) => a.born - b.born);
  }

  /** First touch: an empty array comes into being. For a handler of this CPU's node. */
  create(array: ArrayMade): void {
    this.table.create(this.index, array);
  }

  /** Free the array of a set, if there is one. For a handler of this CPU's node. */
  delete(set: Handle): void {
    if (this.get(set) !== undefined) this.table.free(set, this.index);
  }
}
