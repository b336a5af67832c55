import { BOOT_NODE, type Coroutine, type Handle, request, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';

/** slab_caches and the relations between caches; a static global of the boot node, guarded by slab_mutex. */
export class CacheList {
  private readonly all = new Set<Handle>();
  private readonly children = new Map<Handle, Set<Handle>>();
  private readonly ofMemcg = new Map<Handle, Set<Handle>>();
  private readonly memcgs = new Map<Handle, Handle>();
  /** Names that a root cache goes by (refcount), where there are more than one. */
  private readonly aliases = new Map<Handle, number>();
  /** Root caches that have lost a name and stay under another one. */
  private readonly stay = new Set<Handle>();

  add(cache: Handle, root: Handle, memcg: Handle): void {
    this.all.add(cache);
    if (root === 0) this.children.set(cache, new Set());
    else this.children.get(root)?.add(cache);
    if (memcg === 0) return;
    const caches = this.ofMemcg.get(memcg) ?? new Set();
    this.ofMemcg.set(memcg, caches.add(cache));
    this.memcgs.set(cache, memcg);
  }

  remove(cache: Handle, root: Handle): void {
    const memcg = this.memcgs.get(cache) ?? 0;
    this.memcgs.delete(cache);
    this.all.delete(cache);
    this.stay.delete(cache);
    this.children.delete(cache);
    this.children.get(root)?.delete(cache);
    const caches = this.ofMemcg.get(memcg);
    caches?.delete(cache);
    if (caches?.size === 0) this.ofMemcg.delete(memcg);
  }

  /** Change how many names a root cache has; returns how many it has then. */
  addReference(cache: Handle, by: number): number {
    const references = (this.aliases.get(cache) ?? 1) + by;
    if (references > 1) this.aliases.set(cache, references);
    else this.aliases.delete(cache);
    if (by < 0 && references > 0) this.stay.add(cache);
    else if (references === 0) this.stay.delete(cache);
    return references;
  }

  /** Root caches that kmem_cache_destroy has left in place because they have other names. */
  get staying(): readonly Handle[] {
    return [...this.stay];
  }

  /** list_splice of a memcg's caches to its parent's (5.3), 0 for none. */
  reparent(memcg: Handle, parent: Handle): void {
    const caches = this.ofMemcg.get(memcg);
    if (caches === undefined) return;
    this.ofMemcg.delete(memcg);
    for (const cache of caches) this.memcgs.set(cache, parent);
    if (parent === 0) return;
    this.ofMemcg.set(parent, new Set([...(this.ofMemcg.get(parent) ?? []), ...caches]));
  }

  has(cache: Handle): boolean {
    return this.all.has(cache);
  }

  /** Every cache that has not been shut down, in the order in which they were made. */
  get caches(): Handle[] {
    return [...this.all];
  }

  /** Total number of caches in the system. */
  get size(): number {
    return this.all.size;
  }

  /** Root caches, the newest first, as list_add leaves them on slab_caches. */
  roots(): Handle[] {
    return [...this.children.keys()].reverse();
  }

  childrenOf(root: Handle): Handle[] {
    return [...(this.children.get(root) ?? [])];
  }

  /** Caches of a memcg, the newest first. */
  cachesOf(memcg: Handle): Handle[] {
    return [...(this.ofMemcg.get(memcg) ?? [])].reverse();
  }
}

export const addToList = defineHandler(
  'cacheList.add',
  (node, args: { cache: Handle; root: Handle; memcg: Handle }): void => {
    node.cacheList.add(args.cache, args.root, args.memcg);
  },
);

export const removeFromList = defineHandler('cacheList.remove', (node, args: { cache: Handle; root: Handle }): void => {
  node.cacheList.remove(args.cache, args.root);
});

/** So many steps along lists of caches. Caller holds slab_mutex. */
export function* walkSteps(cpu: Cpu, steps: number): Coroutine<void> {
  cpu.counters.add('cache_list_steps', steps);
  yield* work(steps * cpu.costs['list.step']);
}

/** Walk all caches for those of one memcg: the cost is a step per cache in the system, only the hits are visited. */
export const walkForMemcg = defineHandler(
  'cacheList.walk',
  (node, args: { memcg: Handle }): { caches: Handle[]; total: number } => ({
    caches: node.cacheList.cachesOf(args.memcg),
    total: node.cacheList.size,
  }),
);

/** A memcg's own list of caches, the newest first (memcg->kmem_caches, 4.12). */
export const listCachesOf = defineHandler('cacheList.ofMemcg', (node, args: { memcg: Handle }): Handle[] =>
  node.cacheList.cachesOf(args.memcg),
);

export const reparentList = defineHandler(
  'cacheList.reparent',
  (node, args: { memcg: Handle; parent: Handle }): void => {
    node.cacheList.reparent(args.memcg, args.parent);
  },
);

export const listRoots = defineHandler('cacheList.roots', (node, _args: null): Handle[] => node.cacheList.roots());

export const listChildren = defineHandler('cacheList.children', (node, args: { root: Handle }): Handle[] =>
  node.cacheList.childrenOf(args.root),
);

/** The list that a root keeps of all its children, in slots or not. */
export function* childrenOnList(_cpu: Cpu, root: Handle): Coroutine<Handle[]> {
  return yield* request(BOOT_NODE, listChildren, { root });
}
