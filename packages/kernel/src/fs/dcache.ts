import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction } from '../registry.js';
import {
  allocateDentry,
  allocateInode,
  type Detached,
  hold,
  kill,
  letGo,
  link,
  lookup,
  read,
  releaseDentry,
  releaseInode,
  takeChildren,
  takeInode,
  unhash,
  unlink,
} from './dentry-handlers.js';
import { shmemEvict } from './shmem.js';
import type { Found, FsType } from './types.js';

/** Look a name up in the dentry cache only. */
export function* dLookup(parent: Handle, name: string): Coroutine<Found | null> {
  const found = yield* request(homeOf(parent), lookup, { parent, name }, parent);
  return typeof found === 'number' ? yield* call(dRead, found) : found;
}

/** What the dentry says now: d_inode and flags, read without a reference or a lock. */
export function* dRead(dentry: Handle): Coroutine<Found> {
  return yield* request(homeOf(dentry), read, { dentry }, dentry);
}

/** What a new dentry is about. */
export interface DentrySpec {
  readonly directory: boolean;
  readonly cgroup: Handle;
  readonly memcg: Handle;
}

/**
 * d_alloc, and with `inodeCache` also alloc_inode: an object of the cache "dentry", then one of the filesystem's inode
 * cache, both charged to the running task. The dentry is not hashed yet. Evaluates to null if memory is denied.
 */
export function* dAlloc(
  cpu: Cpu,
  parent: Found,
  name: string,
  spec: DentrySpec,
  inodeCache: string | null,
): Coroutine<Found | null> {
  const { object, cache } = yield* call(kmemCacheAlloc, cpu, 'dentry');
  if (object === 0) return null;
  const inode = inodeCache === null ? 0 : yield* call(allocInode, cpu, inodeCache);
  if (inode === 0 && inodeCache !== null) {
    yield* call(kmemCacheFree, cpu, cache, object);
    return null;
  }
  const { directory, cgroup, memcg } = spec;
  return yield* request(cpu.node, allocateDentry, {
    name,
    parent: parent.dentry,
    fs: parent.fs,
    directory,
    object,
    cache,
    inode,
    cgroup,
    memcg,
    holders: 0,
  });
}

/**
 * new_inode_pseudo and d_alloc_pseudo: inode and dentry of a file without a name. The dentry is in no directory and goes
 * with the last of its `holders`. Evaluates to null if memory is denied.
 */
export function* dAllocPseudo(cpu: Cpu, fs: FsType, inodeCache: string, holders: number): Coroutine<Found | null> {
  const inode = yield* call(allocInode, cpu, inodeCache);
  if (inode === 0) return null;
  const { object, cache } = yield* call(kmemCacheAlloc, cpu, 'dentry');
  const fields = { name: '', parent: 0, fs, directory: false, cgroup: 0, memcg: 0, inode };
  if (object !== 0) return yield* request(cpu.node, allocateDentry, { ...fields, object, cache, holders });
  yield* call(iput, cpu, inode);
  return null;
}

/**
 * d_add: hash a new dentry under its parent. Evaluates to the dentry that has the name: if a concurrent lookup was first,
 * that one's, and the new dentry is given up. If the parent has gone, the new dentry comes back unhashed.
 */
export function* dAdd(cpu: Cpu, parent: Handle, added: Found): Coroutine<Found> {
  const { name, dentry } = added;
  const first = yield* request(homeOf(parent), link, { parent, name, dentry }, parent);
  if (first === dentry) return added;
  yield* call(dentryKill, cpu, dentry);
  return first === 0 ? { ...added, unhashed: true } : yield* call(dRead, first);
}

/** Hold a dentry for an open file or as current directory. Evaluates to false if it has been dropped meanwhile. */
export function* dGet(dentry: Handle): Coroutine<boolean> {
  return yield* request(homeOf(dentry), hold, { dentry }, dentry);
}

/** dput of a held dentry; with `drop` (its filesystem's d_delete) it does not stay cached once nobody holds it. */
export function* dPut(cpu: Cpu, dentry: Handle, drop: boolean): Coroutine<void> {
  const { holders, unhashed, parent, name } = yield* request(homeOf(dentry), letGo, { dentry, drop }, dentry);
  if (holders > 0) return;
  if (unhashed) yield* call(dentryKill, cpu, dentry);
  else if (drop) yield* call(dKill, cpu, parent, name, dentry);
}

function* allocInode(cpu: Cpu, cacheName: string): Coroutine<Handle> {
  const { object, cache } = yield* call(kmemCacheAlloc, cpu, cacheName);
  return object === 0 ? 0 : yield* request(cpu.node, allocateInode, { object, cache });
}

/** d_free: the dentry's memory goes back after a grace period. */
export function* dFree(cpu: Cpu, dentry: Handle): Coroutine<void> {
  yield* call(callRcu, cpu, '__d_free', dentry);
}

defineFunction('rcu', '__d_free', function* dFreeCallback(cpu, dentry) {
  const { object, cache } = yield* request(homeOf(dentry), releaseDentry, { dentry }, dentry);
  yield* call(kmemCacheFree, cpu, cache, object);
});

/** dentry_unlink_inode: the pages of the file's data, then the inode. */
function* iputDetached(cpu: Cpu, { inode, pages }: Detached): Coroutine<void> {
  if (pages.length > 0) yield* call(shmemEvict, cpu, pages);
  yield* call(iput, cpu, inode);
}

/** iput of the last reference: destroy_inode, through RCU. */
function* iput(cpu: Cpu, inode: Handle): Coroutine<void> {
  if (inode !== 0) yield* call(callRcu, cpu, 'i_callback', inode);
}

defineFunction('rcu', 'i_callback', function* iCallback(cpu, inode) {
  const { object, cache } = yield* request(homeOf(inode), releaseInode, { inode }, inode);
  yield* call(kmemCacheFree, cpu, cache, object);
});

/** Take a dentry out of its directory; it goes, with its inode, when nobody holds it. Evaluates to false if it was out already. */
export function* dKill(cpu: Cpu, parent: Handle, name: string, dentry: Handle): Coroutine<boolean> {
  if (!(yield* request(homeOf(parent), unlink, { parent, name, dentry }, parent))) return false;
  if (yield* request(homeOf(dentry), unhash, { dentry }, dentry)) yield* call(dentryKill, cpu, dentry);
  return true;
}

/** __dentry_kill: the inode, then the dentry. */
export function* dentryKill(cpu: Cpu, dentry: Handle): Coroutine<void> {
  const killed = yield* request(homeOf(dentry), kill, { dentry }, dentry);
  yield* call(iputDetached, cpu, killed);
  if (killed.mayFree) yield* call(dFree, cpu, dentry);
}

/** The dentry loses its inode and stays cached: a negative dentry, still charged to whoever looked it up first. */
export function* dDelete(cpu: Cpu, dentry: Handle): Coroutine<void> {
  yield* call(iputDetached, cpu, yield* request(homeOf(dentry), takeInode, { dentry }, dentry));
}

/** shrink_dcache_parent of a removed directory: its children go. */
export function* dKillChildren(cpu: Cpu, dentry: Handle): Coroutine<void> {
  for (const child of yield* request(homeOf(dentry), takeChildren, { dentry }, dentry)) {
    if (yield* request(homeOf(child), unhash, { dentry: child }, child)) yield* call(dentryKill, cpu, child);
  }
}
