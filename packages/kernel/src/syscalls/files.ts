import { type Coroutine, call, work } from '@kmemlab/machine';
import { cgroupRmdir } from '../cgroup/destroy.js';
import { cgroupMkdir } from '../cgroup/mkdir.js';
import type { Cpu } from '../cpu.js';
import { controlFiles } from '../fs/cgroupfs.js';
import { readOnline, writeOnline } from '../fs/cpu-online.js';
import { dAdd, dAlloc, dDelete, dGet, dKill, dKillChildren, dPut, dRead } from '../fs/dcache.js';
import { type Place, walk, walkAndHold, whileWalking } from '../fs/namei.js';
import { procFiles } from '../fs/procfs.js';
import { EBADF, EEXIST, EINVAL, ENODEV, ENOENT, ENOMEM, ENOTDIR, EPERM, type Found, type FsType } from '../fs/types.js';
import { type Allocation, kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import { Scalar } from '../published-state.js';
import type { TaskRecord } from '../sched/task.js';

/*
 * System calls on files. Which call allocates what from which accounted cache follows from the steps below; a kernel
 * version differs in its filesystems' policies.
 */

const EACCES = -13;

export function* sysChdir(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  const place = yield* call(walkAndHold, cpu, task, path);
  if (typeof place === 'number') return place;
  if (place.found === null) return ENOENT;
  if (!place.found.directory) {
    yield* call(dPut, cpu, place.found.dentry, false);
    return ENOTDIR;
  }
  const left = task.cwd;
  task.cwd = place.found.dentry;
  if (left !== cpu.published.scalar(Scalar.rootDentry)) yield* call(dPut, cpu, left, false);
  return 0;
}

/** mkdir(2) in the cgroup filesystem. The lookup leaves an unhashed dentry; kernfs attaches no inode to it. */
export function* sysMkdir(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  const place = yield* call(walk, cpu, task, path, false);
  if (typeof place === 'number') return place;
  if (place.found !== null) return EEXIST;
  if (place.parent.fs !== 'cgroup') return EPERM;
  const { cgroup, memcg } = place.parent;
  return yield* call(cgroupMkdir, cpu, place.name, { self: cgroup, memory: memcg });
}

/**
 * rmdir(2) in the cgroup filesystem: after the cgroup is dead, the dentries and inodes of its files and the inode of the
 * directory go; the directory's dentry stays, negative, charged to the memcg that looked it up first.
 */
export function* sysRmdir(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  const place = yield* call(walkAndHold, cpu, task, path);
  if (typeof place === 'number') return place;
  const { found, parent, name } = place;
  if (found === null) return ENOENT;
  const isCgroup = found.directory && found.fs === 'cgroup';
  const result = isCgroup ? yield* call(cgroupRmdir, cpu, found.cgroup, parent.cgroup, name) : ENOTDIR;
  if (result === 0) {
    yield* call(dKillChildren, cpu, found.dentry);
    yield* call(dDelete, cpu, found.dentry);
  }
  yield* call(dPut, cpu, found.dentry, false);
  return result;
}

/** open(2): the file holds its dentry. `flags` may be "c" to create the file if it does not exist (O_CREAT). Evaluates to a file descriptor. */
export function* sysOpen(cpu: Cpu, task: TaskRecord, path: string, flags: string): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const filp = yield* call(kmemCacheAlloc, cpu, 'filp');
  const opened = yield* call(whileWalking, cpu, openAndHold, task, path, flags.includes('c'));
  if (typeof opened === 'number') {
    yield* call(kmemCacheFree, cpu, filp.cache, filp.object);
    return opened;
  }
  const { dentry, fs } = opened;
  const records = yield* call(openRecords, cpu, fs);
  if (records === null) {
    yield* call(dPut, cpu, dentry, false);
    yield* call(kmemCacheFree, cpu, filp.cache, filp.object);
    return ENOMEM;
  }
  const fd = task.nextFd++;
  task.files[fd] = { path, fs, dentry, filp: filp.object, filpCache: filp.cache, records, content: null };
  return fd;
}

/** Look the name up, again if its dentry was dropped before it could be held. */
function* openAndHold(cpu: Cpu, task: TaskRecord, path: string, create: boolean): Coroutine<Found | number> {
  let opened = yield* call(pathOpenat, cpu, task, path, create);
  while (typeof opened !== 'number' && !(yield* call(dGet, opened.dentry))) {
    opened = yield* call(pathOpenat, cpu, task, path, create);
  }
  return opened;
}

/** What the file system allocates for an open file of its own (seq_open and the like); null if memory is denied. */
function* openRecords(cpu: Cpu, fs: FsType): Coroutine<Allocation[] | null> {
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

function* pathOpenat(cpu: Cpu, task: TaskRecord, path: string, create: boolean): Coroutine<Found | number> {
  const place = yield* call(walk, cpu, task, path, create);
  if (typeof place === 'number') return place;
  if (place.found !== null) return place.found;
  if (!create) return ENOENT;
  return place.parent.fs === 'tmpfs' ? yield* call(shmemCreate, cpu, place) : EACCES;
}

/** shmem_create: dentry and inode of a new empty file; no page, no radix tree node. */
function* shmemCreate(cpu: Cpu, place: Place): Coroutine<Found | number> {
  const { parent, name } = place;
  const spec = { directory: false, cgroup: 0, memcg: 0 };
  const added = yield* call(dAlloc, cpu, parent, name, spec, cpu.build.policies.fs.tmpInodeCache);
  return added === null ? ENOMEM : yield* call(dAdd, cpu, parent.dentry, added);
}

/** close(2). An inode of /proc is not kept once its file is closed, if the version's policy says so. */
export function* sysClose(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<number> {
  const file = task.files[fd];
  if (file === undefined) return EBADF;
  delete task.files[fd];
  yield* call(freeRecords, cpu, file.records);
  yield* call(kmemCacheFree, cpu, file.filpCache, file.filp);
  yield* call(dPut, cpu, file.dentry, file.fs === 'proc' && cpu.build.policies.fs.procDropsAtClose);
  return 0;
}

/** read(2): the rest of the file's text. A file of /proc or of a cgroup is formatted at the first read. */
export function* sysRead(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<string | number> {
  const file = task.files[fd];
  if (file === undefined) return EBADF;
  if (file.content === null) {
    const found = yield* call(dRead, file.dentry);
    if (removedFromKernfs(found)) return ENODEV;
    if (found.fs === 'proc') yield* work(cpu.costs['proc.read']);
    if (found.fs === 'root') {
      const online = yield* call(readOnline, cpu, found);
      if (typeof online === 'string') file.content = '';
      return online;
    }
    const read = found.fs === 'proc' ? procFiles.get(found.name)?.read : controlFiles.get(found.name)?.read;
    file.content = read === undefined ? '' : yield* call(read, cpu, found);
  }
  const text = file.content;
  file.content = '';
  return text;
}

/** kernfs_get_active fails: the cgroup of this open control file has been removed. */
const removedFromKernfs = (file: Found): boolean => file.fs === 'cgroup' && file.unhashed;

/** write(2). Evaluates to the number of characters written. */
export function* sysWrite(cpu: Cpu, task: TaskRecord, fd: number, text: string): Coroutine<number> {
  const file = task.files[fd];
  if (file === undefined) return EBADF;
  const found = yield* call(dRead, file.dentry);
  if (removedFromKernfs(found)) return ENODEV;
  if (found.fs === 'cgroup') {
    const write = controlFiles.get(found.name)?.write;
    return write === undefined ? EINVAL : yield* call(write, cpu, found, task, text);
  }
  if (found.fs === 'proc') {
    const write = procFiles.get(found.name)?.write;
    return write === undefined ? EINVAL : yield* call(write, cpu, text);
  }
  return found.fs === 'root' ? yield* call(writeOnline, cpu, found, text) : text.length;
}

/** unlink(2) on tmpfs: dentry and inode go back through RCU, once no file is open on them. */
export function* sysUnlink(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const place = yield* call(walk, cpu, task, path, true);
  if (typeof place === 'number') return place;
  if (place.found === null) return ENOENT;
  if (place.parent.fs !== 'tmpfs') return EPERM;
  const { dentry } = place.found;
  return (yield* call(dKill, cpu, place.parent.dentry, place.name, dentry)) ? 0 : ENOENT;
}
