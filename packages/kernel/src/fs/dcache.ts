import { type Coroutine, call, type Handle, homeOf, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { kmemCacheFree } from '../mm/slab/free.js';
import { kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../registry.js';
import type { Dentry, Found, Inode } from './types.js';

type NewDentry = Omit<Dentry, 'children' | 'object' | 'cache'>;

const describe = (handle: Handle, dentry: Dentry): Found => ({
  dentry: handle,
  fs: dentry.fs,
  directory: dentry.directory,
  negative: dentry.inode === 0,
  name: dentry.name,
  cgroup: dentry.cgroup,
  memcg: dentry.memcg,
});

/** __d_lookup in a directory: 0 if the name is not cached. */
const lookup = defineHandler(
  'dcache.lookup',
  (node, args: { parent: Handle; name: string }, context): Handle =>
    node.dentries.get(args.parent, context.step).children.get(args.name) ?? 0,
);

const read = defineHandler(
  'dcache.read',
  (node, args: { dentry: Handle }, context): Found =>
    describe(args.dentry, node.dentries.get(args.dentry, context.step)),
);

const allocateDentry = defineHandler(
  'dcache.allocate',
  (node, args: NewDentry & { object: ObjectRef; cache: Handle }): Handle =>
    node.dentries.allocate({ ...args, children: new Map() }),
);

const allocateInode = defineHandler('inode.allocate', (node, args: Inode): Handle => node.inodes.allocate(args));

const link = defineHandler(
  'dcache.link',
  (node, args: { parent: Handle; name: string; dentry: Handle }, context): void => {
    node.dentries.get(args.parent, context.step).children.set(args.name, args.dentry);
  },
);

/** d_drop: unhash. */
const unlink = defineHandler('dcache.unlink', (node, args: { parent: Handle; name: string }, context): void => {
  node.dentries.get(args.parent, context.step).children.delete(args.name);
});

/** d_delete: take the inode away; the dentry stays and is negative. Answers with the inode. */
const takeInode = defineHandler('dcache.takeInode', (node, args: { dentry: Handle }, context): Handle => {
  const dentry = node.dentries.get(args.dentry, context.step);
  const { inode } = dentry;
  dentry.inode = 0;
  return inode;
});

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
  const dentry = yield* request(homeOf(parent), lookup, { parent, name }, parent);
  return dentry === 0 ? null : yield* call(dRead, dentry);
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
 * cache, both charged to the running task. The dentry is not hashed yet. Evaluates to 0 if memory is denied.
 */
export function* dAlloc(
  cpu: Cpu,
  parent: Found,
  name: string,
  spec: DentrySpec,
  inodeCache: string | null,
): Coroutine<Handle> {
  const { object, cache } = yield* call(kmemCacheAlloc, cpu, 'dentry');
  if (object === 0) return 0;
  const inode = inodeCache === null ? 0 : yield* call(allocInode, cpu, inodeCache);
  if (inode === 0 && inodeCache !== null) {
    yield* call(kmemCacheFree, cpu, cache, object);
    return 0;
  }
  const fields = { name, parent: parent.dentry, fs: parent.fs, ...spec, inode };
  return yield* request(cpu.node, allocateDentry, { ...fields, object, cache });
}

/** d_add: hash a dentry under its parent. */
export function* dAdd(parent: Handle, name: string, dentry: Handle): Coroutine<void> {
  yield* request(homeOf(parent), link, { parent, name, dentry }, parent);
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
export function* iput(cpu: Cpu, inode: Handle): Coroutine<void> {
  if (inode !== 0) yield* call(callRcu, cpu, 'i_callback', inode);
}

defineFunction('rcu', 'i_callback', function* iCallback(cpu, inode) {
  const { object, cache } = yield* request(homeOf(inode), releaseInode, { inode }, inode);
  yield* call(kmemCacheFree, cpu, cache, object);
});

/** Unhash a dentry and free it with its inode. */
export function* dKill(cpu: Cpu, parent: Handle, name: string, dentry: Handle): Coroutine<void> {
  yield* request(homeOf(parent), unlink, { parent, name }, parent);
  yield* call(iput, cpu, yield* request(homeOf(dentry), takeInode, { dentry }, dentry));
  yield* call(dFree, cpu, dentry);
}

/** The dentry loses its inode and stays cached: a negative dentry, still charged to whoever looked it up first. */
export function* dDelete(cpu: Cpu, dentry: Handle): Coroutine<void> {
  yield* call(iput, cpu, yield* request(homeOf(dentry), takeInode, { dentry }, dentry));
}

/** shrink_dcache_parent of a removed directory: its children go. */
export function* dKillChildren(cpu: Cpu, dentry: Handle): Coroutine<void> {
  for (const child of yield* request(homeOf(dentry), takeChildren, { dentry }, dentry)) {
    yield* call(dDelete, cpu, child);
    yield* call(dFree, cpu, child);
  }
}
