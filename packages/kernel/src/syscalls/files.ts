import { type Coroutine, call, work } from '@kmemlab/machine';
import { cgroupRmdir } from '../cgroup/destroy.js';
import { cgroupMkdir } from '../cgroup/mkdir.js';
import { freeFileStructures } from '../cgroup/structures.js';
import type { Cpu } from '../cpu.js';
import { populateDirectory } from '../fs/cgroup-directory.js';
import { controlFilesOf } from '../fs/cgroup2fs.js';
import { readOnline, writeOnline } from '../fs/cpu-online.js';
import { dAdd, dAlloc, dAllocPseudo, dDelete, dGet, dKill, dKillChildren, dPut, dRead } from '../fs/dcache.js';
import { closeFile, fileOf, installFile, openRecords } from '../fs/file.js';
import { kernfsGetActive, kernfsPutActive } from '../fs/kernfs.js';
import { beginWalk, endWalk, type Place, walk, walkAndHold } from '../fs/namei.js';
import { createPipe, pipeWrite } from '../fs/pipe.js';
import { procFiles } from '../fs/procfs.js';
import { shmemWrite } from '../fs/shmem.js';
import { readSlabAttribute, writeSlabAttribute } from '../fs/sysfs-slab.js';
import { EBADF, EEXIST, EINVAL, ENODEV, ENOENT, ENOMEM, ENOTDIR, EPERM, type Found } from '../fs/types.js';
import { kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import { Scalar } from '../published-state.js';
import type { TaskRecord } from '../sched/task.js';

/*
 * System calls on files. Which call allocates what from which accounted cache follows from the steps below; a kernel
 * version differs in its filesystems' policies.
 */

/** The terminal that every task writes to. */
export const STDOUT = 1;

const EACCES = -13;

/** chdir(2): the task keeps a reference on its new directory, and lets the old one go. 0 or an errno. */
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

/**
 * mkdir(2) in the cgroup filesystem. The lookup leaves an unhashed dentry; kernfs attaches no inode to it. 3.14 makes dentries
 * and inodes of the directory and all its files.
 */
export function* sysMkdir(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  const { cgroupFiles } = cpu.build.policies.fs;
  const place = yield* call(walk, cpu, task, path, cgroupFiles !== null);
  if (typeof place === 'number') return place;
  if (place.found !== null) return EEXIST;
  if (place.parent.fs !== 'cgroup') return EPERM;
  const { cgroup, memcg } = place.parent;
  const result = yield* call(cgroupMkdir, cpu, place.name, { self: cgroup, memory: memcg });
  if (result === 0 && cgroupFiles !== null) yield* call(populateDirectory, cpu, place.parent, place.name, cgroupFiles);
  return result;
}

/**
 * rmdir(2) in the cgroup filesystem: after the cgroup is dead, the dentries and inodes of its files and the inode of the
 * directory go; the directory's dentry stays, negative, charged to the memcg that looked it up first. In 3.14 it goes, too.
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
    if (cpu.build.policies.fs.rmdirLeavesNegative) yield* call(dDelete, cpu, found.dentry);
    else yield* call(dKill, cpu, parent.dentry, name, found.dentry);
    yield* call(freeFileStructures, cpu, found.cgroup);
  }
  yield* call(dPut, cpu, found.dentry, false);
  return result;
}

/** stat(2): look a name up, and let it go. */
export function* sysStat(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const place = yield* call(walkAndHold, cpu, task, path);
  if (typeof place === 'number') return place;
  if (place.found === null) return ENOENT;
  yield* call(dPut, cpu, place.found.dentry, false);
  return 0;
}

/** open(2): the file holds its dentry. `flags` may be "c" to create the file if it does not exist (O_CREAT). Evaluates to a file descriptor. */
export function* sysOpen(cpu: Cpu, task: TaskRecord, path: string, flags: string): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const filp = yield* call(kmemCacheAlloc, cpu, 'filp');
  beginWalk(cpu);
  const opened = yield* call(openAndHold, cpu, task, path, flags.includes('c'));
  endWalk(cpu);
  if (typeof opened === 'number') {
    yield* call(kmemCacheFree, cpu, filp.cache, filp.object);
    return opened;
  }
  const records = yield* call(openRecords, cpu, opened.fs);
  if (records !== null) return installFile(task, path, opened, filp, records);
  yield* call(dPut, cpu, opened.dentry, false);
  yield* call(kmemCacheFree, cpu, filp.cache, filp.object);
  return ENOMEM;
}

/** Look the name up, again if its dentry was dropped before it could be held. */
function* openAndHold(cpu: Cpu, task: TaskRecord, path: string, create: boolean): Coroutine<Found | number> {
  let opened = yield* call(pathOpenat, cpu, task, path, create);
  while (typeof opened !== 'number' && !(yield* call(dGet, opened.dentry))) {
    opened = yield* call(pathOpenat, cpu, task, path, create);
  }
  return opened;
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

/** close(2). */
export function* sysClose(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<number> {
  return yield* call(closeFile, cpu, task, fd);
}

/** pipe(2). Evaluates to the descriptor of the reading end; the next one is the writing end. */
export function* sysPipe(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const pipe = yield* call(createPipe, cpu);
  if (pipe === null) return ENOMEM;
  const reading = installFile(task, 'pipe', pipe, yield* call(kmemCacheAlloc, cpu, 'filp'));
  installFile(task, 'pipe', pipe, yield* call(kmemCacheAlloc, cpu, 'filp'));
  return reading;
}

/** socket(2): sock_inode_cache and a dentry; the protocol's own structure is not accounted in 4.10. Evaluates to a descriptor. */
export function* sysSocket(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const socket = yield* call(dAllocPseudo, cpu, 'socket', 'sock_inode_cache', 1);
  return socket === null ? ENOMEM : installFile(task, 'socket', socket, yield* call(kmemCacheAlloc, cpu, 'filp'));
}

/** read(2): the rest of the file's text. A file of /proc or of a cgroup is formatted at the first read. */
export function* sysRead(cpu: Cpu, task: TaskRecord, fd: number): Coroutine<string | number> {
  const file = fileOf(task, fd);
  if (file === undefined) return EBADF;
  if (file.content === null) {
    const found = yield* call(dRead, file.dentry);
    if (found.fs === 'sysfs') {
      const text = yield* call(readSlabAttribute, cpu, found);
      file.content = typeof text === 'string' ? '' : null;
      return text;
    }
    if (found.fs === 'proc') yield* work(cpu.costs['proc.read']);
    if (found.fs === 'root') {
      const online = yield* call(readOnline, cpu, found);
      if (typeof online === 'string') file.content = '';
      return online;
    }
    const content = yield* call(readWhole, cpu, found);
    if (typeof content === 'number') return content;
    file.content = content;
  }
  const text = file.content;
  file.content = '';
  return text;
}

/** The text of a file of /proc or of a cgroup; -ENODEV if the cgroup has been removed. */
function* readWhole(cpu: Cpu, file: Found): Coroutine<string | number> {
  if (file.fs === 'proc') {
    yield* work(cpu.costs['proc.read']);
    const read = procFiles.get(file.name)?.read;
    return read === undefined ? '' : yield* call(read, cpu);
  }
  const read = file.fs === 'cgroup' ? controlFilesOf(cpu).get(file.name)?.read : undefined;
  if (read === undefined) return '';
  if (!(yield* call(kernfsGetActive, file.cgroup))) return ENODEV;
  const text = yield* call(read, cpu, file);
  yield* call(kernfsPutActive, file.cgroup);
  return text;
}

/** cgroup_file_write: with an active reference, unless the file's own write breaks it. */
function* writeControlFile(cpu: Cpu, file: Found, task: TaskRecord, text: string): Coroutine<number> {
  const control = controlFilesOf(cpu).get(file.name);
  if (control?.write === undefined) return EINVAL;
  if (!(yield* call(kernfsGetActive, file.cgroup))) return ENODEV;
  if (control.breaksActive === true) {
    yield* call(kernfsPutActive, file.cgroup);
    return yield* call(control.write, cpu, file, task, text);
  }
  const result = yield* call(control.write, cpu, file, task, text);
  yield* call(kernfsPutActive, file.cgroup);
  return result;
}

/** write(2). Evaluates to the number of characters written. */
export function* sysWrite(cpu: Cpu, task: TaskRecord, fd: number, text: string): Coroutine<number> {
  if (fd === STDOUT) {
    yield* work(cpu.costs['vfs.operation']);
    return text.length;
  }
  const file = fileOf(task, fd);
  if (file === undefined) return EBADF;
  const found = yield* call(dRead, file.dentry);
  if (found.fs === 'cgroup') return yield* call(writeControlFile, cpu, found, task, text);
  if (found.fs === 'sysfs') return yield* call(writeSlabAttribute, cpu, found, text);
  if (found.fs === 'proc') {
    const write = procFiles.get(found.name)?.write;
    return write === undefined ? EINVAL : yield* call(write, cpu, text);
  }
  if (found.fs === 'root') return yield* call(writeOnline, cpu, found, text);
  if (found.fs === 'pipe') return yield* call(pipeWrite, cpu, file.dentry, text.length);
  return found.fs === 'tmpfs' ? yield* call(shmemWrite, cpu, file.dentry, text.length) : text.length;
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
