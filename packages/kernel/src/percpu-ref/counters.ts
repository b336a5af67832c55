import { type Handle, homeOf, indexOf, type Memory, type Topology, viewTo, type Words } from '@kmemlab/machine';

/** What has a percpu_ref; the counters of each kind are kept apart. */
export const refOwners = ['css', 'cache', 'objcg'] as const;

export type RefOwner = (typeof refOwners)[number];

/**
 * The counters that a node's CPUs keep of the percpu_refs of one kind of object in percpu mode, by home and index of the object. A CPU adds to its
 * own counters; the node reads them after the grace period of the switch.
 */
export class PercpuRefTable {
  /** Counters by home node of the object, those of one object side by side. */
  private readonly chunks: readonly Words[];
  private readonly cpusPerNode: number;

  constructor({ nodes, cpusPerNode }: Topology, memory: Memory) {
    this.chunks = Array.from({ length: nodes }, () => memory.words());
    this.cpusPerNode = cpusPerNode;
  }

  /** An object comes into being: its counters are 0. For a handler of this node. */
  publish(object: Handle): void {
    const chunk = this.chunk(object);
    const start = this.place(object, 0);
    chunk.ensure(start + this.cpusPerNode);
    chunk.view.fill(0, start, start + this.cpusPerNode);
  }

  /** The counters of the CPU with this index within the node. */
  of(index: number): PercpuCounters {
    return new PercpuCounters(this, index);
  }

  chunk(object: Handle): Words {
    return this.chunks[homeOf(object)] as Words;
  }

  place(object: Handle, index: number): number {
    return indexOf(object) * this.cpusPerNode + index;
  }
}

/** One CPU's counters. */
export class PercpuCounters {
  constructor(
    private readonly table: PercpuRefTable,
    private readonly index: number,
  ) {}

  /** @throws Error if the object was never published here */
  add(object: Handle, n: number): void {
    const chunk = this.table.chunk(object);
    const at = this.table.place(object, this.index);
    if (at >= chunk.view.length && at >= chunk.refresh().length)
      throw new Error(`object ${object.toString(16)} has no counters here`);
    chunk.view[at] = (chunk.view[at] as number) + n;
  }

  /** The counter as it is; 0 if the object was never published here. */
  peek(object: Handle): number {
    const at = this.table.place(object, this.index);
    return viewTo(this.table.chunk(object), at)[at] ?? 0;
  }

  /** Read and reset the counter. */
  take(object: Handle): number {
    const at = this.table.place(object, this.index);
    const view = viewTo(this.table.chunk(object), at);
    const count = view[at] ?? 0;
    if (count !== 0) view[at] = 0;
    return count;
  }
}
