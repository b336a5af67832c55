import type { Handle } from '@kmemlab/machine';
import type { FsType } from '../fs/types.js';
import type { Allocation } from '../mm/slab-common/alloc.js';

/** An open file of a task: plain data, it travels with the task. */
interface OpenFile {
  readonly path: string;
  readonly fs: FsType;
  readonly dentry: Handle;
  /** The slab object of the struct file and the cache it came from. */
  readonly filp: number;
  readonly filpCache: Handle;
  /** Objects that the file system keeps for the open file (struct seq_file and the like). */
  readonly records: readonly Allocation[];
  /** Text still to be read; null until the first read. */
  content: string | null;
}

/** A mapped private area and the slab objects behind it. */
interface MappedArea {
  readonly vma: number;
  readonly vmaCache: Handle;
  chain: number;
  chainCache: Handle;
}

/**
 * A user task between and during system calls: plain data that is sent to the CPU of each system call and back. It
 * models the parts of task_struct that accounting and the file calls need.
 */
export interface TaskRecord {
  readonly pid: number;
  readonly name: string;
  /** The memory css the task is in. */
  memcg: Handle;
  /** Dentry of the current directory. */
  cwd: Handle;
  files: Record<number, OpenFile>;
  nextFd: number;
  areas: Record<number, MappedArea>;
  nextArea: number;
}

export function newTask(pid: number, name: string, memcg: Handle, cwd: Handle): TaskRecord {
  return { pid, name, memcg, cwd, files: {}, nextFd: 3, areas: {}, nextArea: 1 };
}
