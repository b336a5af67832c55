import type { Handle, Step } from '@kmemlab/machine';
import { GLOBAL_LIST } from '../mm/list-lru.js';
import { lruIdOfOwner } from '../mm/memcontrol/obj-lifecycle.js';
import type { KernelNode } from '../node.js';
import { CacheField, memcgCacheId } from '../published-state.js';
import type { Dentry } from './types.js';

/*
 * The LRU side of a dentry (fs/dcache.c 4.10), under its d_lock at its home. An unused dentry lies on s_dentry_lru of its
 * filesystem, on the list of the memcg that pays for its slab page.
 */

/** d_lockref is 0: no file, current directory or child holds the dentry. A mounted directory is always held. */
export const isUnused = (dentry: Dentry): boolean =>
  dentry.holders === 0 && dentry.children.size === 0 && dentry.object !== 0;

/**
 * memcg_cache_id(mem_cgroup_from_kmem(dentry)), mem_cgroup_from_obj in 5.9: the list that the dentry belongs to now, by the memcg
 * of its cache, or by the owner that its slab block has for it. Where no memcg has ever got lists of its own (3.14), there is one
 * for all.
 */
export function lruIdOf(node: KernelNode, { object, cache, fs }: Dentry): number {
  if (node.listLrus.find(fs)?.size === 0) return GLOBAL_LIST;
  const memcg = node.published.caches.read(cache, CacheField.memcg);
  return memcg === 0 ? lruIdOfOwner(node, object) : memcgCacheId(node.published, memcg);
}

/** Last part of dput: a dentry that nobody holds any more is marked as referenced and goes onto the LRU unless it is there. */
export function retainDentry(node: KernelNode, handle: Handle, dentry: Dentry, step: () => Step): void {
  const lru = node.listLrus.find(dentry.fs);
  if (lru === null || dentry.unhashed || !isUnused(dentry)) return;
  dentry.referenced = true;
  if (dentry.lru !== 'none') return;
  dentry.lru = 'listed';
  lru.add(handle, lruIdOf(node, dentry), step);
}

/** d_lru_del: off the LRU if it is there. One that a shrinker has taken stays with it. */
export function unlistDentry(node: KernelNode, handle: Handle, dentry: Dentry): void {
  if (dentry.lru !== 'listed') return;
  dentry.lru = 'none';
  node.listLrus.find(dentry.fs)?.remove(handle);
}
