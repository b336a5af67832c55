import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import type { TaskRecord } from '../sched/task.js';
import { dPut } from './dcache.js';
import { pipeRelease } from './pipe.js';
import { EBADF, type Found } from './types.js';

/** fd_install: an open file of a task, with the slab object of its struct file. Evaluates to the descriptor. */
export function installFile(task: TaskRecord, path: string, { dentry, fs }: Found, filp: Allocation): number {
  const fd = task.nextFd++;
  task.files[fd] = { path, fs, dentry, filp: filp.object, filpCache: filp.cache, content: null };
  return fd;
}

/** __fput: a file is closed. An inode of /proc is not kept once its file is closed, if the version's policy says so. */
export function* closeFile(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<number> {
  const file = task.files[fd];
  if (file === undefined) return EBADF;
  delete task.files[fd];
  yield* call(kmemCacheFree, cpu, file.filpCache, file.filp);
  if (file.fs === 'pipe') yield* call(pipeRelease, cpu, file.dentry);
  yield* call(dPut, cpu, file.dentry, file.fs === 'proc' && cpu.build.policies.fs.procDropsAtClose);
  return 0;
}
