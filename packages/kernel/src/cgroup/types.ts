import type { Handle } from '@kmemlab/machine';
import type { Memcg } from '../mm/memcontrol/types.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import type { PercpuRef } from '../percpu-ref/percpu-ref.js';

/** The two css of a cgroup. */
export interface CssPair {
  readonly self: Handle;
  readonly memory: Handle;
}

/**
 * cgroup_subsys_state at its home: of the memory controller (then `memcg` is set and the handle is the memcg's), or the
 * cgroup's own.
 */
export interface Css {
  readonly name: string;
  /** The own css of the cgroup, which holds what belongs to the directory; this handle itself for the own css. */
  self: Handle;
  /** Css of the same kind in the parent cgroup, 0 for the root. */
  readonly parent: Handle;
  readonly ref: PercpuRef;
  /** 1 for itself while online, and 1 for each online child (online_cnt). */
  onlineCount: number;
  readonly memcg: Memcg | null;
  readonly cgroup: Cgroup | null;
}

/** kmalloc'ed memory of a cgroup, where the version's allocations are modelled. */
export interface CgroupMemory {
  /** Goes when the cgroup is freed. */
  readonly structures: readonly Allocation[];
  /** Goes with its control files at rmdir. */
  files: readonly Allocation[];
}

/** The directory's part of a cgroup, in its own css. */
export interface Cgroup {
  /** Memory css of the cgroup. */
  memory: Handle;
  tasks: number;
  /** Live subdirectories by name (the kernfs tree). */
  readonly subdirectories: Map<string, CssPair>;
  dead: boolean;
  readonly files: KernfsFiles;
  /** Cgroups below it on the v2 hierarchy: nr_descendants, nr_dying_descendants. */
  readonly below: { live: number; dying: number };
}

/** Active references on the control files of a cgroup. */
export interface KernfsFiles {
  /** Operations in progress. */
  active: number;
  deactivated: boolean;
  /** Waiter of whoever drains them, 0 if nobody. */
  drainer: number;
}
