import { type Handle, homeOf } from '@kmemlab/machine';
import type { ChargedPages } from '../mm/memcontrol/charge-page.js';
import { defineHandler } from '../registry.js';
import { retainDentry, unlistDentry } from './dentry-lru.js';
import type { Dentry, Found, Inode } from './types.js';

/* What happens to dentries and inodes at their homes: each of these is one section under d_lock, or one read without it. */

type NewDentry = Pick<
  Dentry,
  'name' | 'parent' | 'fs' | 'directory' | 'object' | 'cache' | 'inode' | 'cgroup' | 'memcg' | 'holders'
>;

const NO_PAGES: readonly ChargedPages[] = [];

/** A dentry that was never put. One that somebody holds from the start is in no directory. */
export function newDentry(fields: NewDentry, unhashed: boolean): Dentry {
  const { name, parent, fs, directory, object, cache, inode, cgroup, memcg, holders } = fields;
  return {
    name,
    parent,
    fs,
    directory,
    object,
    cache,
    inode,
    cgroup,
    memcg,
    children: new Map(),
    holders,
    unhashed,
    lru: 'none',
    referenced: false,
    killed: false,
    size: 0,
    pages: NO_PAGES,
  };
}

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
export const lookup = defineHandler(
  'dcache.lookup',
  (node, args: { parent: Handle; name: string }, context): Found | Handle | null => {
    const dentry = node.dentries.get(args.parent, context.step).children.get(args.name);
    if (dentry === undefined) return null;
    return homeOf(dentry) === node.id ? describe(dentry, node.dentries.get(dentry, context.step)) : dentry;
  },
);

export const read = defineHandler(
  'dcache.read',
  (node, args: { dentry: Handle }, context): Found =>
    describe(args.dentry, node.dentries.get(args.dentry, context.step)),
);

export const allocateDentry = defineHandler('dcache.allocate', (node, args: NewDentry): Found => {
  const dentry = newDentry(args, args.holders > 0);
  return describe(node.dentries.allocate(dentry), dentry);
});

export const allocateInode = defineHandler('inode.allocate', (node, args: Inode): Handle => node.inodes.allocate(args));

/**
 * Answers with the dentry that has the name now: this one, or that of a lookup which came first (d_alloc_parallel); 0 if a
 * shrinker has dropped the directory meanwhile. A directory with a child is in use.
 */
export const link = defineHandler(
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
export const unhash = defineHandler('dcache.unhash', (node, args: { dentry: Handle }, context): boolean => {
  const dentry = node.dentries.get(args.dentry, context.step);
  const first = !dentry.unhashed;
  dentry.unhashed = true;
  return first && dentry.holders === 0;
});

/** lockref_get_not_dead: answers false if the dentry is not in its directory any more. */
export const hold = defineHandler('dcache.hold', (node, args: { dentry: Handle }, context): boolean => {
  const dentry = node.dentries.get(args.dentry, context.step);
  if (!dentry.unhashed) dentry.holders++;
  return !dentry.unhashed;
});

/** lockref_put: answers with what the dentry is like then. The last one leaves it on the LRU unless it is not to stay cached. */
export const letGo = defineHandler(
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

/** What a dentry has given up: its inode, 0 if it had none, and the pages of the file's data. */
export interface Detached {
  readonly inode: Handle;
  readonly pages: readonly ChargedPages[];
}

function detachInode(dentry: Dentry): Detached {
  const { inode, pages } = dentry;
  dentry.inode = 0;
  dentry.pages = NO_PAGES;
  return { inode, pages };
}

/** d_delete: take the inode away; the dentry stays and is negative. Answers with the inode and the pages of its data. */
export const takeInode = defineHandler(
  'dcache.takeInode',
  (node, args: { dentry: Handle }, context): Detached => detachInode(node.dentries.get(args.dentry, context.step)),
);

/**
 * The dentry's own part of __dentry_kill: off the LRU, and without its inode. Answers whether it may be freed: if a shrinker
 * has it, that one frees it.
 */
export const kill = defineHandler(
  'dcache.kill',
  (node, args: { dentry: Handle }, context): Detached & { mayFree: boolean } => {
    const dentry = node.dentries.get(args.dentry, context.step);
    unlistDentry(node, args.dentry, dentry);
    dentry.unhashed = true;
    dentry.killed = true;
    const { inode, pages } = detachInode(dentry);
    return { inode, pages, mayFree: dentry.lru === 'none' };
  },
);

export const takeChildren = defineHandler(
  'dcache.takeChildren',
  (node, args: { dentry: Handle }, context): Handle[] => {
    const { children } = node.dentries.get(args.dentry, context.step);
    const taken = [...children.values()];
    children.clear();
    return taken;
  },
);

export const releaseDentry = defineHandler('dcache.free', (node, args: { dentry: Handle }, context): Inode => {
  const { object, cache } = node.dentries.release(args.dentry, context.step());
  return { object, cache };
});

export const releaseInode = defineHandler(
  'inode.free',
  (node, args: { inode: Handle }, context): Inode => node.inodes.release(args.inode, context.step()),
);
