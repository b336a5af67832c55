import { type Coroutine, call, type Handle, homeOf, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { ChargedPages } from '../mm/memcontrol/charge-page.js';
import { kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../registry.js';
import { neverPut, retainDentry, unlistDentry } from './dentry-lru.js';
import { shmemEvict } from './shmem.js';
import type { Dentry, Found, FsType, Inode } from './types.js';

type NewDentry = Pick<Dentry, 'name' | 'parent' | 'fs' | 'directory' | 'inode' | 'cgroup' | 'memcg'>;

const describe = (handle: Handle, dentry: Dentry): Found => ({
  dentry: handle,
  parent: dentry.parent,
  fs: dentry.fs,
  directory: dentry.directory,
  negative: dentry.inode === 0,
  unhashed: dentry.unhashed,
  name: dentry.name,
  cgroup: dentry.cgroup,
  memcg: dentry.memcg,
});

/**
 * __d_lookup_rcu in a directory: what is cached under the name, read together with finding it. Null if nothing is; only the
 * handle if the dentry's home is another node.
 */
const lookup = defineHandler(
  'dcache.lookup',
  (node, args: { parent: Handle; name: string }, context): Found | Handle | null => {
    const dentry = node.dentries.get(args.parent, context.step).children.get(args.name);
    if (dentry === undefined) return null;
    return homeOf(dentry) === node.id ? describe(dentry, node.dentries.get(dentry, context.step)) : dentry;
  },
);

const read = defineHandler(
  'dcache.read',
  (node, args: { dentry: Handle }, context): Found =>
    describe(args.dentry, node.dentries.get(args.dentry, context.step)),
);

const allocateDentry = defineHandler(
  'dcache.allocate',
  (node, { holders, ...fields }: NewDentry & { object: ObjectRef; cache: Handle; holders: number }): Found => {
    const dentry: Dentry = { ...fields, children: new Map(), holders, unhashed: holders > 0, ...neverPut };
    return describe(node.dentries.allocate(dentry), dentry);
  },
);

const allocateInode = defineHandler('inode.allocate', (node, args: Inode): Handle => node.inodes.allocate(args));

/**
 * Answers with the dentry that has the name now: this one, or that of a lookup which came first (d_alloc_parallel); 0 if a
 * shrinker has dropped the directory meanwhile. A directory with a child is in use.
 */
const link = defineHandler(
  'dcache.link',
  (node, args: { parent: Handle; name: string; dentry: Handle }, context): Handle => {
    const parent = node.dentries.get(args.parent, context.step);
    if (parent.unhashed) return 0;
    const first = parent.children.get(args.name) ?? args.dentry;
    parent.children.set(args.name, first);
    unlistDentry(node, args.parent, parent);
    return first;
  },
);

/**
 * d_drop in the directory: answers false if the name leads elsewhere by now, because somebody else has dropped the dentry. With
 * its last child a directory may become unused.
 */
export const unlink = defineHandler(
  'dcache.unlink',
  (node, args: { parent: Handle; name: string; dentry: Handle }, context): boolean => {
    const parent = node.dentries.get(args.parent, context.step);
    if (parent.children.get(args.name) !== args.dentry) return false;
    parent.children.delete(args.name);
    retainDentry(node, args.parent, parent, context.step);
    return true;
  },
);

/** d_drop in the dentry: answers true if nobody holds it, so that it is to be freed at once, by whoever has dropped it. */
const unhash = defineHandler('dcache.unhash', (node, args: { dentry: Handle }, context): boolean => {
  const dentry = node.dentries.get(args.dentry, context.step);
  const first = !dentry.unhashed;
  dentry.unhashed = true;
  return first && dentry.holders === 0;
});

/** lockref_get_not_dead: answers false if the dentry is not in its directory any more. */
const hold = defineHandler('dcache.hold', (node, args: { dentry: Handle }, context): boolean => {
  const dentry = node.dentries.get(args.dentry, context.step);
  if (!dentry.unhashed) dentry.holders++;
  return !dentry.unhashed;
});

/** lockref_put: answers with what the dentry is like then. The last one leaves it on the LRU unless it is not to stay cached. */
const letGo = defineHandler(
  'dcache.letGo',
  (
    node,
    args: { dentry: Handle; drop: boolean },
    context,
  ): Pick<Dentry, 'holders' | 'unhashed' | 'parent' | 'name'> => {
    const dentry = node.dentries.get(args.dentry, context.step);
    dentry.holders--;
    if (!args.drop) retainDentry(node, args.dentry, dentry, context.step);
    const { holders, unhashed, parent, name } = dentry;
    return { holders, unhashed, parent, name };
  },
);

/** d_delete: take the inode away; the dentry stays and is negative. Answers with the inode and the pages of its data. */
const takeInode = defineHandler(
  'dcache.takeInode',
  (node, args: { dentry: Handle }, context): { inode: Handle; pages: readonly ChargedPages[] } => {
    const dentry = node.dentries.get(args.dentry, context.step);
    const { inode, pages = [] } = dentry;
    dentry.inode = 0;
    delete dentry.pages;
    return { inode, pages };
  },
);

/**
 * The dentry's own part of __dentry_kill: off the LRU, and without its inode. Answers whether it may be freed: if a shrinker
 * has it, that one frees it.
 */
const kill = defineHandler(
  'dcache.kill',
  (node, args: { dentry: Handle }, context): { inode: Handle; mayFree: boolean } => {
    const dentry = node.dentries.get(args.dentry, context.step);
    unlistDentry(node, args.dentry, dentry);
    dentry.unhashed = true;
    dentry.killed = true;
    const { inode } = dentry;
    dentry.inode = 0;
    return { inode, mayFree: dentry.lru === 'none' };
  },
);

const takeChildren = defineHandler('dcache.takeChildren', (node, args: { dentry: Handle }, context): Handle[] => {
  const { children } = node.dentries.get(args.dentry, context.step);
  const taken = [...children.values()];
  children.clear();
  return taken;
});

const releaseDentry = defineHandler('dcache.free', (node, args: { dentry: Handle }, context): Inode => {
  const { object, cache } = node.dentries.release(args.dentry, context.step());
  return { object, cache };
});

const releaseInode = defineHandler(
  'inode.free',
  (node, args: { inode: Handle }, context): Inode => node.inodes.release(args.inode, context.step()),
);

/** Look a name up in the dentry cache only. */
export function* dLookup(parent: Handle, name: string): Coroutine<Found | null> {
  const found = yield* request(homeOf(parent), lookup, { parent, name }, parent);
  return typeof found === 'number' ? yield* call(dRead, found) : found;
}

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
  const fields = { name, parent: parent.dentry, fs: parent.fs, ...spec, inode };
  return yield* request(cpu.node, allocateDentry, { ...fields, object, cache, holders: 0 });
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
  const { inode, mayFree } = yield* request(homeOf(dentry), kill, { dentry }, dentry);
  yield* call(iput, cpu, inode);
  if (mayFree) yield* call(dFree, cpu, dentry);
}

/** The dentry loses its inode and stays cached: a negative dentry, still charged to whoever looked it up first. */
export function* dDelete(cpu: Cpu, dentry: Handle): Coroutine<void> {
  const { inode, pages } = yield* request(homeOf(dentry), takeInode, { dentry }, dentry);
  if (pages.length > 0) yield* call(shmemEvict, cpu, pages);
  yield* call(iput, cpu, inode);
}

/** shrink_dcache_parent of a removed directory: its children go. */
export function* dKillChildren(cpu: Cpu, dentry: Handle): Coroutine<void> {
  for (const child of yield* request(homeOf(dentry), takeChildren, { dentry }, dentry)) {
    if (yield* request(homeOf(child), unhash, { dentry: child }, child)) yield* call(dentryKill, cpu, child);
  }
}
