import { type Handle, type Memory, PublishedArrays, PublishedTable, type Topology } from '@kmemlab/machine';
import { CacheField, type Published } from '../../published-state.js';
import { SlabFlag } from '../slab/types.js';

/** Slab statistics of a lruvec (NR_SLAB_RECLAIMABLE, NR_SLAB_UNRECLAIMABLE; in 5.9 with _B, bytes); the number is the item's place. */
export const slabItems = ['reclaimable', 'unreclaimable'] as const;

export type SlabItem = (typeof slabItems)[number];

/** The statistic that a cache's slabs count towards. */
export const slabItemOf = ({ caches }: Published, cache: Handle): SlabItem =>
  (caches.read(cache, CacheField.flags) & SlabFlag.reclaim) === 0 ? 'unreclaimable' : 'reclaimable';

/** Statistics of several nodes and items have the place node × items + item. */
export const placeOf = (node: number, item: number): number => node * slabItems.length + item;

/** Sums over all nodes of statistics by place, by item. */
export const sumsByItem = (places: readonly number[]): number[] =>
  slabItems.map((_, item) =>
    places.reduce((sum, count, place) => sum + (place % slabItems.length === item ? count : 0), 0),
  );

/**
 * What the CPUs of one node hold back of the slab statistics (lruvec_stat_cpu), by memcg and node of the pages. Counters come into
 * being at the first page of a memcg on a node that a CPU here charges.
 */
export class LruvecTable {
  /** Per memcg and node of pages the number of its counters, 0 for none. */
  private readonly directory: PublishedTable;
  private readonly counters: PublishedArrays;
  private readonly nodes: number;
  private readonly cpusPerNode: number;
  private arrays = 0;
  /** Those that have counters here, in the order of their first page; the node's own. */
  private readonly counted = new Set<Handle>();

  constructor({ nodes, cpusPerNode }: Topology, memory: Memory) {
    this.directory = new PublishedTable('lruvec', 1 + nodes, nodes, memory);
    this.counters = new PublishedArrays(memory);
    this.nodes = nodes;
    this.cpusPerNode = cpusPerNode;
  }

  /** Make the counters of all CPUs of this node, unless they exist. For a handler. */
  create(memcg: Handle, node: number): void {
    if (!this.directory.isCurrent(memcg)) this.directory.publish(memcg);
    if (this.numberOf(memcg, node) !== 0) return;
    this.counters.publish(++this.arrays, this.cpusPerNode * slabItems.length);
    this.directory.write(memcg, 1 + node, this.arrays);
    this.counted.add(memcg);
  }

  /** The memcg is freed. For a handler. */
  drop(memcg: Handle): void {
    for (let node = 0; node < this.nodes; node++) this.counters.drop(this.numberOf(memcg, node));
    this.directory.withdraw(memcg);
    this.counted.delete(memcg);
  }

  /** Memcgs of which CPUs of this node hold something back, or may. */
  memcgs(): Iterable<Handle> {
    return this.counted;
  }

  /** Number of the counters, 0 if there are none yet. */
  numberOf(memcg: Handle, node: number): number {
    return this.directory.read(memcg, 1 + node);
  }

  read(number: number, index: number, item: number): number {
    return number === 0 ? 0 : this.counters.read(number, index * slabItems.length + item);
  }

  write(number: number, index: number, item: number, pages: number): void {
    this.counters.write(number, index * slabItems.length + item, pages);
  }

  /** What all CPUs of this node together hold back, by place. */
  heldBack(memcg: Handle): number[] {
    const places: number[] = [];
    for (let node = 0; node < this.nodes; node++) {
      const number = this.numberOf(memcg, node);
      for (let item = 0; item < slabItems.length; item++) {
        let held = 0;
        for (let index = 0; index < this.cpusPerNode; index++) held += this.read(number, index, item);
        places[placeOf(node, item)] = held;
      }
    }
    return places;
  }
}
