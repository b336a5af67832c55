import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { type Allocation, kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import type { OpenFile, TaskRecord } from '../sched/task.js';
import { dPut } from './dcache.js';
import { pipeRelease } from './pipe.js';
import { EBADF, type Found, type FsType } from './types.js';

/** What the file system allocates for an open file of its own (seq_open and the like); null if memory is denied. */
export function* openRecords(cpu: Cpu, fs: FsType): Coroutine<Allocation[] | null> {
  const records: Allocation[] = [];
  for (const name of cpu.build.policies.fs.recordsOf(fs)) {
    const record = yield* call(kmemCacheAlloc, cpu, name);
    if (record.object === 0) {
      yield* call(freeRecords, cpu, records);
      return null;
    }
    records.push(record);
  }
  return records;
}

function* freeRecords(cpu: Cpu, records: readonly Allocation[]): Coroutine<void> {
  for (const { cache, object } of records) yield* call(kmemCacheFree, cpu, cache, object);
}

/** fget: undefined if the descriptor is closed. */
export const fileOf = ({ files }: TaskRecord, fd: number): OpenFile | undefined => files[fd] ?? undefined;

/**
 * alloc_fd and fd_install: an open file of a task, with the slab objects that belong to it, under the lowest descriptor that is
 * closed. Returns it.
 */
export function installFile(
  task: TaskRecord,
  path: string,
  { dentry, fs }: Found,
  filp: Allocation,
  records: readonly Allocation[] = [],
): number {
  const { files } = task;
  let fd = task.nextFd;
  while (fd < files.length && files[fd] !== null) fd++;
  task.nextFd = fd + 1;
  files[fd] = { path, fs, dentry, filp: filp.object, filpCache: filp.cache, records, content: null };
  return fd;
}

/** __fput: a file is closed. An inode of /proc is not kept once its file is closed, if the version's policy says so. */
export function* closeFile(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<number> {
  const file = fileOf(task, fd);
  if (file === undefined) return EBADF;
  task.files[fd] = null;
  task.nextFd = Math.min(task.nextFd, fd);
  yield* call(freeRecords, cpu, file.records);
  yield* call(kmemCacheFree, cpu, file.filpCache, file.filp);
  if (file.fs === 'pipe') yield* call(pipeRelease, cpu, file.dentry);
  yield* call(dPut, cpu, file.dentry, file.fs === 'proc' && cpu.build.policies.fs.procDropsAtClose);
  return 0;
}
