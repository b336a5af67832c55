import type { Handle } from '@kmemlab/machine';

/** The kobject of a cache, or in 3.14 of several that would be merged: a directory of /sys/kernel/slab. */
export interface SlabKobject {
  readonly path: string;
  /** memcg of its caches; 0 for a root cache. */
  readonly memcg: Handle;
  readonly caches: Set<Handle>;
  /** Names that link to it. */
  readonly links: Set<string>;
  /** Files of it that are being read or written (kernfs active references). */
  active: number;
  /** The directory is gone; who removes it waits for the last active reference. */
  removed: boolean;
  waiter: number;
}

/** slab_kset: the directories below /sys/kernel/slab by path, and the references on each cache's kobject. A static global. */
export class SlabKset {
  private readonly names = new Map<string, SlabKobject>();
  private readonly ofCache = new Map<Handle, SlabKobject>();
  private readonly references = new Map<Handle, number>();
  /** Kobjects of which a file is in use, by the cache by which it was opened. */
  readonly users = new Map<Handle, SlabKobject>();

  of(cache: Handle): SlabKobject | undefined {
    return this.ofCache.get(cache);
  }

  find(path: string): SlabKobject | undefined {
    return this.names.get(path);
  }

  /** Paths of the directories of memcg caches whose path begins like this. */
  ofMemcgs(prefix: string): string[] {
    const own = new Set(this.names.values());
    return [...own].filter(({ memcg, path }) => memcg !== 0 && path.startsWith(prefix)).map(({ path }) => path);
  }

  /** Some directory lies below this one. */
  hasBelow(path: string): boolean {
    return [...this.names.keys()].some((name) => name.startsWith(`${path}/`));
  }

  /**
   * kobject_init_and_add, and the link: false if the directory's name is taken. A directory that caches of the same memcg share
   * gets one cache more. A link that is left over is replaced (sysfs_slab_alias).
   */
  add(cache: Handle, memcg: Handle, path: string, link: string): boolean {
    const present = this.names.get(path);
    const shared = link !== '' && present?.memcg === memcg;
    if (present !== undefined && !shared) return false;
    const kobject = present ?? {
      path,
      memcg,
      caches: new Set<Handle>(),
      links: new Set<string>(),
      active: 0,
      removed: false,
      waiter: 0,
    };
    kobject.caches.add(cache);
    this.names.set(path, kobject);
    this.ofCache.set(cache, kobject);
    if (link === '') return true;
    this.names.get(link)?.links.delete(link);
    this.names.set(link, kobject);
    kobject.links.add(link);
    return true;
  }

  /** A cache whose directory, or a link to it, has one of these names. */
  holderOf(names: readonly string[]): Handle {
    for (const name of names) for (const cache of this.names.get(name)?.caches ?? []) return cache;
    return 0;
  }

  /** kobject_del: evaluates to the kobject if its directory went now. A shared directory stays until its last cache goes. */
  remove(cache: Handle, link: string): SlabKobject | undefined {
    const kobject = this.ofCache.get(cache);
    if (kobject === undefined) return undefined;
    this.ofCache.delete(cache);
    kobject.caches.delete(cache);
    if (kobject.links.delete(link)) this.names.delete(link);
    if (kobject.caches.size > 0) return undefined;
    this.names.delete(kobject.path);
    kobject.removed = true;
    return kobject;
  }

  /** kobject_get (+1) and kobject_put (−1) beyond the cache's own reference; evaluates to what is left. */
  count(cache: Handle, by: number): number {
    const left = (this.references.get(cache) ?? 0) + by;
    if (left > 0) this.references.set(cache, left);
    else this.references.delete(cache);
    return left;
  }
}
