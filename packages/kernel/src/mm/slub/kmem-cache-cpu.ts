import {
  type Handle,
  homeOf,
  indexOf,
  type Memory,
  type ObjectRef,
  type Topology,
  viewTo,
  type Words,
} from '@kmemlab/machine';

/** Words of a kmem_cache_cpu that others may read. */
const Word = { cache: 0, page: 1, partials: 2 } as const;
const STRIDE = 3;

/** A slab on a CPU's partial list, with the objects it had free when it was put there. */
export interface CpuPartial {
  readonly page: Handle;
  readonly free: number;
}

/** What a CPU that goes down has of one cache. */
export interface LeftSlabs {
  readonly cache: Handle;
  readonly page: Handle;
  readonly freelist: readonly ObjectRef[];
  readonly partial: readonly CpuPartial[];
}

/**
 * What the kmem_cache_cpus of a node's CPUs show to others: for each cache the slab that the CPU allocates from and the
 * length of its partial list. Handlers of the node make and free them; each CPU writes its own.
 */
export class CpuSlabTable {
  /** Entries by home node of the cache, those of one cache side by side. */
  private readonly chunks: readonly Words[];
  private readonly cpusPerNode: number;

  constructor({ nodes, cpusPerNode }: Topology, memory: Memory) {
    this.chunks = Array.from({ length: nodes }, () => memory.words());
    this.cpusPerNode = cpusPerNode;
  }

  /** alloc_percpu: an empty one for every CPU. For a handler of this node. */
  publish(cache: Handle): void {
    const chunk = this.chunk(cache);
    const start = this.place(cache, 0);
    chunk.ensure(start + STRIDE * this.cpusPerNode);
    for (let index = 0; index < this.cpusPerNode; index++) {
      chunk.view.set([cache, 0, 0], start + STRIDE * index);
    }
  }

  /** free_percpu. For a handler of this node. */
  withdraw(cache: Handle): void {
    const start = this.place(cache, 0);
    this.chunk(cache).view.fill(0, start, start + STRIDE * this.cpusPerNode);
  }

  /** Those of the CPU with this index within the node. */
  of(index: number): CpuSlabs {
    return new CpuSlabs(this, index, this.chunks.length);
  }

  chunk(cache: Handle): Words {
    return this.chunks[homeOf(cache)] as Words;
  }

  place(cache: Handle, index: number): number {
    return STRIDE * (indexOf(cache) * this.cpusPerNode + index);
  }

  /** Every entry of one CPU in which the cache exists: cache, page, partials. */
  *entriesOf(index: number): IterableIterator<readonly [cache: Handle, page: Handle, partials: number]> {
    for (const chunk of this.chunks) {
      const view = chunk.refresh();
      for (let at = STRIDE * index; at + STRIDE <= view.length; at += STRIDE * this.cpusPerNode) {
        const cache = view[at + Word.cache] as number;
        if (cache !== 0) yield [cache, view[at + Word.page] as number, view[at + Word.partials] as number];
      }
    }
  }
}

/** struct kmem_cache_cpu. The lists belong to the CPU; what the page is and how long the list is, everybody may read. */
export class KmemCacheCpu {
  /** Objects of `page` that only this CPU hands out, the next one last. */
  freelist: ObjectRef[] = [];
  private readonly parked: CpuPartial[] = [];

  constructor(
    readonly cache: Handle,
    private readonly words: Words,
    private readonly start: number,
  ) {}

  /** The cache's per-CPU part has not been freed. */
  get present(): boolean {
    return this.words.view[this.start + Word.cache] === this.cache;
  }

  /** The frozen slab that the CPU allocates from, 0 if it has none. */
  get page(): Handle {
    return this.words.view[this.start + Word.page] as number;
  }

  set page(page: Handle) {
    this.words.view[this.start + Word.page] = page;
  }

  /** The CPU's partial list, the slab put there last first. */
  get partial(): readonly CpuPartial[] {
    return this.parked;
  }

  /** Free objects of the partial list, as they were when its slabs came (page->pobjects). */
  get partialObjects(): number {
    return this.parked.reduce((sum, { free }) => sum + free, 0);
  }

  park(slab: CpuPartial): void {
    this.parked.unshift(slab);
    this.countParked();
  }

  unpark(): CpuPartial | undefined {
    const slab = this.parked.shift();
    this.countParked();
    return slab;
  }

  /** Take everything away. */
  take(): LeftSlabs {
    const taken = { cache: this.cache, page: this.page, freelist: this.freelist, partial: this.parked.splice(0) };
    this.page = 0;
    this.freelist = [];
    this.countParked();
    return taken;
  }

  private countParked(): void {
    this.words.view[this.start + Word.partials] = this.parked.length;
  }
}

/** One CPU's kmem_cache_cpus, by cache. */
export class CpuSlabs {
  /** By home and index of the cache; one of an earlier cache with that index is replaced. */
  private readonly found: (KmemCacheCpu | undefined)[][];

  constructor(
    private readonly table: CpuSlabTable,
    private readonly index: number,
    nodes: number,
  ) {
    this.found = Array.from({ length: nodes }, () => []);
  }

  /** This CPU's part of a cache; undefined if the cache has none (any more). For the CPU itself. */
  get(cache: Handle): KmemCacheCpu | undefined {
    const found = this.found[homeOf(cache)] as (KmemCacheCpu | undefined)[];
    const known = found[indexOf(cache)];
    if (known?.cache === cache && known.present) return known;
    const chunk = this.table.chunk(cache);
    const start = this.table.place(cache, this.index);
    if (start + STRIDE > viewTo(chunk, start + STRIDE - 1).length) return undefined;
    const made = new KmemCacheCpu(cache, chunk, start);
    if (!made.present) return undefined;
    found[indexOf(cache)] = made;
    return made;
  }

  /** Those that the CPU has used and that still exist. For the CPU itself. */
  *used(): IterableIterator<KmemCacheCpu> {
    for (const found of this.found) for (const one of found) if (one?.present) yield one;
  }

  /** The CPU goes down: it holds nothing any more of what is answered. For the CPU itself. */
  takeAll(): LeftSlabs[] {
    return [...this.used()].map((slab) => slab.take()).filter(({ page, partial }) => page !== 0 || partial.length > 0);
  }

  /** has_cpu_slab: the CPU holds a slab of the cache. For everybody. */
  hasCpuSlab(cache: Handle): boolean {
    const { page, partials } = this.heldOf(cache);
    return page !== 0 || partials > 0;
  }

  /** The slab that the CPU allocates from, 0 if it has none, and the length of its partial list. For everybody. */
  heldOf(cache: Handle): { readonly page: Handle; readonly partials: number } {
    const start = this.table.place(cache, this.index);
    const view = viewTo(this.table.chunk(cache), start + STRIDE - 1);
    if (view[start + Word.cache] !== cache) return { page: 0, partials: 0 };
    return { page: view[start + Word.page] as number, partials: view[start + Word.partials] as number };
  }

  /** Every cache that exists with what this CPU holds of it. For everybody. */
  entries(): IterableIterator<readonly [cache: Handle, page: Handle, partials: number]> {
    return this.table.entriesOf(this.index);
  }
}
