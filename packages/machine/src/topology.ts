/** Largest machine: numbers of waiters and of kernel threads carry their CPU in 12 bits. */
export const MAX_CPUS = 4096;

/** Shape of the simulated machine. CPU number = node × cpusPerNode + index within the node. */
export class Topology {
  readonly cpuCount: number;

  constructor(
    readonly nodes: number,
    readonly cpusPerNode: number,
  ) {
    this.cpuCount = nodes * cpusPerNode;
  }

  nodeOf(cpu: number): number {
    return Math.floor(cpu / this.cpusPerNode);
  }

  /** First CPU number of a node; the node's CPUs follow it contiguously. */
  firstCpuOf(node: number): number {
    return node * this.cpusPerNode;
  }
}

/** The node on which static globals live: slab_mutex, cgroup_mutex, the list of caches, root rcu_node, ordered workqueues. */
export const BOOT_NODE = 0;

/** The CPU that boots the kernel. */
export const BOOT_CPU = 0;
