import { CacheField, CssField, type KernelNode, memcgCacheId } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { MachineView } from '../types.js';

/**
 * Whether a memcg's cache is to keep nothing: its memcg is offline, or has adopted it (5.3), so that the root's slot of that
 * memcg holds another cache or none. 3.14 deactivates no cache.
 */
export function isDeactivated({ nodes, build }: MachineView, cache: Handle): boolean {
  const { published } = nodes[0] as KernelNode;
  const { caches, csses, memcgArrays } = published;
  const memcg = caches.read(cache, CacheField.memcg);
  if (memcg === 0) return false;
  if (csses.read(memcg, CssField.kmemOnline) === 0) return true;
  const root = caches.read(cache, CacheField.root);
  if (build.policies.memcg.childCaches !== null || !caches.isCurrent(root)) return false;
  return memcgArrays.read(caches.read(root, CacheField.memcgCaches), memcgCacheId(published, memcg)) !== cache;
}
