import type { Costs, Memory, Topology } from '@kmemlab/machine';
import { Counters, ipiSentBy } from './counters.js';
import { LruvecTable } from './mm/memcontrol/lruvec-counters.js';
import { CpuArrayTable } from './mm/slab/cpu-array-table.js';
import { CpuSlabTable } from './mm/slub/kmem-cache-cpu.js';
import { PercpuRefTable, type RefOwner, refOwners } from './percpu-ref/counters.js';
import { Published } from './published-state.js';
import { GpNumbers } from './rcu/gp-numbers.js';
import type { DurationSink, Probe, Tracepoint } from './tracepoints.js';
import { CpuWords } from './words.js';

/** What both CPUs and nodes of a machine are given. */
export interface Environment {
  readonly topology: Topology;
  readonly costs: Costs;
  readonly seed: number;
  readonly durations: DurationSink;
  /** Receiver of tracepoints, null if nothing listens. */
  readonly probe: Probe | null;
}

const byOwner = <T>(make: (owner: RefOwner) => T): Record<RefOwner, T> =>
  Object.fromEntries(refOwners.map((owner) => [owner, make(owner)])) as Record<RefOwner, T>;

/**
 * What the CPUs of one NUMA node and its handlers share: the node's replica of published state and the words of its
 * CPUs. If they run in several threads, each has an object of its own over the same memory; `counters` are then the
 * thread's own.
 */
export class NodeMemory {
  readonly topology: Topology;
  readonly costs: Costs;
  readonly durations: DurationSink;
  readonly counters = new Counters();
  readonly published: Published;
  /** Grace periods as this node's leaves of the RCU tree know them. */
  readonly rcuNumbers: GpNumbers;
  /** Memory of all CPUs' array_caches; only handlers of this node make and free arrays. */
  readonly cpuArrays: CpuArrayTable;
  /** Memory of all CPUs' percpu_ref counters, by what they count references to. */
  readonly percpuRefs: Readonly<Record<RefOwner, PercpuRefTable>>;
  /** Memory of all CPUs' counters of slab pages by memcg and node. */
  readonly lruvecs: LruvecTable;
  /** What all CPUs' kmem_cache_cpus show. */
  readonly cpuSlabs: CpuSlabTable;
  private readonly cpuWords: readonly CpuWords[];

  /** Asks `memory` for its parts in an order that depends on the topology only. */
  constructor(
    readonly id: number,
    private readonly environment: Environment,
    memory: Memory,
  ) {
    const { topology, costs, durations } = environment;
    this.topology = topology;
    this.costs = costs;
    this.durations = durations;
    this.published = new Published(topology, memory);
    this.rcuNumbers = new GpNumbers(memory);
    this.cpuArrays = new CpuArrayTable(topology, memory);
    this.percpuRefs = byOwner(() => new PercpuRefTable(topology, memory));
    this.lruvecs = new LruvecTable(topology, memory);
    this.cpuSlabs = new CpuSlabTable(topology, memory);
    const first = topology.firstCpuOf(id);
    this.cpuWords = Array.from({ length: topology.cpusPerNode }, (_, index) => {
      const refs = byOwner((owner) => this.percpuRefs[owner].of(index));
      const lruvecs = { table: this.lruvecs, index };
      const cpuSlabs = this.cpuSlabs.of(index);
      return new CpuWords(first + index, topology, memory, this.cpuArrays.of(index), refs, lruvecs, cpuSlabs);
    });
  }

  /** Words of a CPU of this node. */
  words(cpu: number): CpuWords {
    return this.cpuWords[cpu - this.topology.firstCpuOf(this.id)] as CpuWords;
  }

  allWords(): readonly CpuWords[] {
    return this.cpuWords;
  }

  countIpi(sender: number, target: number): void {
    this.counters.add(ipiSentBy(sender));
    this.counters.add(this.topology.nodeOf(sender) === this.topology.nodeOf(target) ? 'ipi.sameNode' : 'ipi.crossNode');
  }

  trace(tracepoint: Tracepoint, cpu: number, a: number, b: number, c: number, d: number): void {
    this.environment.probe?.emit(tracepoint, cpu, a, b, c, d);
  }
}
