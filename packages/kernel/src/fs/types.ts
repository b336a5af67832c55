import type { Handle, ObjectRef } from '@kmemlab/machine';
import type { ChargedPages } from '../mm/memcontrol/charge-page.js';
import type { Allocation } from '../mm/slab-common/alloc.js';

export type FsType = 'root' | 'cgroup' | 'tmpfs' | 'proc' | 'pipe' | 'socket' | 'sysfs';

/** An inode: the slab object behind it and what the filesystem knows of it. */
export interface Inode {
  readonly object: ObjectRef;
  readonly cache: Handle;
}

/** A dentry at its home node; negative if it has no inode. */
export interface Dentry {
  readonly name: string;
  readonly parent: Handle;
  readonly fs: FsType;
  readonly directory: boolean;
  readonly object: ObjectRef;
  readonly cache: Handle;
  /** 0 for a negative dentry. */
  inode: Handle;
  /**
   * Own css of the cgroup behind a cgroup directory, in /sys/kernel/slab the cache behind it, 0 otherwise; for a file of it,
   * its directory's.
   */
  cgroup: Handle;
  /** Memory css of the same cgroup. */
  memcg: Handle;
  readonly children: Map<string, Handle>;
  /** Open files and current directories that hold the dentry (d_lockref). */
  holders: number;
  /** Not among its parent's children any more: it goes with its last holder. */
  unhashed: boolean;
  /** On s_dentry_lru (DCACHE_LRU_LIST), or taken off by a shrinker that will free it (DCACHE_SHRINK_LIST). */
  lru: 'none' | 'listed' | 'shrinking';
  /** Used since a shrinker last looked (DCACHE_REFERENCED). */
  referenced: boolean;
  /** Killed while a shrinker has it, which frees it then (DCACHE_DENTRY_KILLED). */
  killed: boolean;
  /** Of a file on tmpfs: bytes, and the pages that hold them. */
  size: number;
  pages: readonly ChargedPages[];
}

/** A pipe, by its dentry. */
export interface Pipe {
  /** Ends that are open. */
  users: number;
  readonly objects: readonly Allocation[];
  /** The page that was written to. */
  buffer: ChargedPages | null;
}

/** What a lookup tells about a dentry. */
export interface Found {
  readonly dentry: Handle;
  readonly parent: Handle;
  readonly fs: FsType;
  readonly directory: boolean;
  readonly negative: boolean;
  readonly unhashed: boolean;
  readonly name: string;
  readonly cgroup: Handle;
  readonly memcg: Handle;
}

export const EPERM = -1;
export const ENOENT = -2;
export const ESRCH = -3;
export const EIO = -5;
export const EBADF = -9;
/** Another CPU is on its way up or down: try again (lock_device_hotplug_sysfs restarts the system call). */
export const EAGAIN = -11;
export const ENOMEM = -12;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const ENOTDIR = -20;
export const EINVAL = -22;
