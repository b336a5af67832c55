import { type Handle, PublishedTable } from '@kmemlab/machine';

/** Published words of a kmem_cache; field 0 is its handle. */
export const CacheField = {
  /** Root cache of a memcg cache, 0 for a root. */
  root: 1,
  /** memcg of a memcg cache, 0 for a root. */
  memcg: 2,
  /** Published per-CPU array set (the cpu_cache pointer). */
  cpuCache: 3,
  limit: 4,
  batchcount: 5,
  shared: 6,
  /** Objects per slab. */
  num: 7,
  order: 8,
  flags: 9,
  /** memcg_caches array of a root. */
  memcgCaches: 10,
  objectSize: 11,
} as const;

/** Published words of a css; the memory css is the memcg. */
export const CssField = {
  refMode: 1,
  /** Index of the memcg in all memcg_caches arrays, plus 1; 0 = not kmem-active. */
  kmemcgId: 2,
  /** 1 while css_online. */
  online: 3,
  parent: 4,
  /** 1 while kmem_state is ONLINE: caches may be created. */
  kmemOnline: 5,
} as const;

/** The replica, on one node, of what every CPU reads without an effect. */
export class Published {
  readonly caches = new PublishedTable('kmem_cache', 12);
  readonly csses = new PublishedTable('css', 6);
  /** Root caches by name. */
  readonly roots = new Map<string, Handle>();
  /** Per-CPU array sets: limit and batchcount that have not been freed. */
  readonly arraySets = new PublishedTable('array_cache set', 3);
  /** memcg_caches arrays by handle; an array lives until a grace period after it was replaced. */
  readonly memcgArrays = new Map<Handle, Float64Array>();
  /** The current memcg_caches array size (memcg_nr_cache_ids). */
  memcgCacheIds = 0;
  /** slab_state is FULL: new caches get their real arrays at once. */
  slabFull = false;
  /** The root memcg, which is never charged. */
  rootMemcg: Handle = 0;
  /** Dentries of the root directory and of the mounted proc. */
  rootDentry: Handle = 0;
  procDentry: Handle = 0;
  private readonly online: Uint8Array;
  private onlineList: readonly number[] = [];

  constructor(cpuCount: number) {
    this.online = new Uint8Array(cpuCount);
  }

  isOnline(cpu: number): boolean {
    return this.online[cpu] === 1;
  }

  setOnline(cpu: number): void {
    this.online[cpu] = 1;
    this.onlineList = [...this.online.keys()].filter((c) => this.online[c] === 1);
  }

  onlineCpus(): readonly number[] {
    return this.onlineList;
  }
}
