import { type Handle, homeOf, indexOf, type Memory, type Topology, type Words } from '@kmemlab/machine';

/**
 * The counters that a node's CPUs keep of all percpu_refs in percpu mode, by home and index of the css. A CPU adds to its
 * own counters; the node reads them after the grace period of the switch.
 */
export class PercpuRefTable {
  /** Counters by home node of the css, those of one css side by side. */
  private readonly chunks: readonly Words[];
  private readonly cpusPerNode: number;

  constructor({ nodes, cpusPerNode }: Topology, memory: Memory) {
    this.chunks = Array.from({ length: nodes }, () => memory.words());
    this.cpusPerNode = cpusPerNode;
  }

  /** A css comes into being: its counters are 0. For a handler of this node. */
  publish(css: Handle): void {
    const chunk = this.chunk(css);
    const start = this.place(css, 0);
    chunk.ensure(start + this.cpusPerNode);
    chunk.view.fill(0, start, start + this.cpusPerNode);
  }

  /** The counters of the CPU with this index within the node. */
  of(index: number): PercpuCounters {
    return new PercpuCounters(this, index);
  }

  chunk(css: Handle): Words {
    return this.chunks[homeOf(css)] as Words;
  }

  place(css: Handle, index: number): number {
    return indexOf(css) * this.cpusPerNode + index;
  }
}

/** One CPU's counters. */
export class PercpuCounters {
  constructor(
    private readonly table: PercpuRefTable,
    private readonly index: number,
  ) {}

  /** @throws Error if the css was never published here */
  add(css: Handle, n: number): void {
    const chunk = this.table.chunk(css);
    const at = this.table.place(css, this.index);
    if (at >= chunk.view.length && at >= chunk.refresh().length) throw new Error(`css ${css} has no counters here`);
    chunk.view[at] = (chunk.view[at] as number) + n;
  }

  /** Read and reset the counter. */
  take(css: Handle): number {
    const { view } = this.table.chunk(css);
    const at = this.table.place(css, this.index);
    const count = view[at] ?? 0;
    if (count !== 0) view[at] = 0;
    return count;
  }
}
