import type { Handle } from '@kmemlab/machine';
import type { FsType } from '../fs/types.js';
import type { ChargedPages } from '../mm/memcontrol/charge-page.js';
import type { Allocation } from '../mm/slab-common/alloc.js';

/** An open file of a task: plain data, it travels with the task. */
export interface OpenFile {
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
  /** Kernel memory that the open file keeps until it is closed, where the version's allocations are modelled. */
  buffers?: readonly Allocation[];
}

/** A mapped private area and what is behind it. */
export interface MappedArea {
  /** The vm_area_struct; null if it was there before the model looked. */
  readonly vma: Allocation | null;
  /** anon_vma_chains: one after a first write, two or more after a fork. */
  chains: Allocation[];
  /** Number of its anon_vma in the task, 0 as long as nothing was written. */
  anon: number;
  /** The page that was written, null if none or one that is shared since a fork. */
  page: ChargedPages | null;
}

/** An anon_vma of a task and how many of its areas use it. */
export interface AnonVma {
  /** Null if it was there before the model looked. */
  readonly object: Allocation | null;
  users: number;
}

/** What a forked task takes with it into the grave itself (do_exit). */
export interface OwnMemory {
  readonly mm: Allocation;
  readonly files: Allocation;
  readonly fs: Allocation;
}

/**
 * A user task between and during system calls: plain data that is sent to the CPU of each system call and back. It
 * models the parts of task_struct that accounting and the file calls need and that only the task itself touches; the
 * rest is in `TaskStruct`.
 */
export interface TaskRecord {
  readonly pid: number;
  readonly name: string;
  /** Pid of the task with which the program began that this one belongs to: its own, unless it was forked. */
  readonly session: number;
  /** Its task_struct; 0 until the first system call of a task that was not forked. */
  self: Handle;
  /** Dentry of the current directory. */
  cwd: Handle;
  /** By descriptor; null for those that are closed, and for the first three, which are the terminal. */
  files: (OpenFile | null)[];
  /** All lower descriptors are open. */
  nextFd: number;
  areas: Record<number, MappedArea>;
  nextArea: number;
  anons: Record<number, AnonVma>;
  nextAnon: number;
  /** Null for a task that was there before the model looked. */
  own: OwnMemory | null;
  /** The child of a fork that is about to return. */
  forked: TaskRecord | null;
}

/** Only the terminal is open, which has no file of its own. */
export const noFiles = (): Pick<TaskRecord, 'files' | 'nextFd'> => ({ files: [null, null, null], nextFd: 3 });

const area = (anon: number): MappedArea => ({ vma: null, chains: [], anon, page: null });
const anonVma = (): AnonVma => ({ object: null, users: 1 });

/**
 * A process as small as can be: text and vdso, which it only reads, data, heap and stack, which it has written. Numbers of those
 * areas are 0 and below; mmap counts from 1.
 */
const image = (): Pick<TaskRecord, 'areas' | 'anons' | 'nextArea' | 'nextAnon'> => ({
  areas: { 0: area(0), '-1': area(0), '-2': area(1), '-3': area(2), '-4': area(3) },
  anons: { 1: anonVma(), 2: anonVma(), 3: anonVma() },
  nextArea: 1,
  nextAnon: 4,
});

/** A task that was not forked in the model: what it consists of was there before and is nobody's charge. */
export function newTask(pid: number, name: string, cwd: Handle): TaskRecord {
  const fields = { pid, name, session: pid, self: 0, cwd, ...noFiles(), own: null, forked: null };
  return { ...fields, ...image() };
}
