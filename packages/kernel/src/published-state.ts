import {
  type Handle,
  type Memory,
  PublishedArrays,
  PublishedNames,
  PublishedTable,
  type Topology,
  type Words,
} from '@kmemlab/machine';
import { TaskTable } from './sched/task-table.js';

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
  /** Of a memcg cache: what a CPU sees of its percpu_ref. */
  refMode: 12,
  /** SLUB: empty slabs that a node keeps, and free objects that a CPU keeps in partial slabs. */
  minPartial: 13,
  cpuPartial: 14,
  /** SLAB: 1 if the cache is dead and keeps no free objects in arrays any more. */
  keepsNothing: 15,
} as const;

/** Published words of a css; the memory css is the memcg. */
export const CssField = {
  refMode: 1,
  /** Index of the memcg in all memcg_caches arrays, plus 1; 0 = not kmem-active. */
  kmemcgId: 2,
  parent: 3,
  /** 1 while kmem_state is ONLINE: caches may be created. */
  kmemOnline: 4,
  /** Active obj_cgroup of the memcg (5.9), 0 for the root and once offline. */
  objcg: 5,
} as const;

/** Published words of an obj_cgroup (5.9). */
export const ObjcgField = {
  refMode: 1,
  /** The memcg that it stands for now; changed under css_set_lock, read under that or RCU. */
  memcg: 2,
} as const;

/** Published words of an array set: what its arrays are made with, and their cache. */
export const ArraySetField = { limit: 1, batchcount: 2, cache: 3 } as const;

/** Single published words. */
export const Scalar = {
  /** Current size of the memcg_caches arrays (memcg_nr_cache_ids). */
  memcgCacheIds: 0,
  /** 1 once slab_state is FULL: new caches get their real arrays at once. */
  slabFull: 1,
  /** The root memcg, which is never charged. */
  rootMemcg: 2,
  /** Dentry of the root directory. */
  rootDentry: 3,
  /** 1 while allocations are to fail (failslab). */
  failslab: 4,
  /** Memory is short: an allocation that may sleep does so for so many µs first. */
  reclaimUs: 5,
} as const;

const SCALARS = 6;

/** The replica, on one node, of what every CPU reads without an effect. */
export class Published {
  readonly caches: PublishedTable;
  readonly csses: PublishedTable;
  readonly objCgroups: PublishedTable;
  /** Per-CPU array sets that have not been freed. */
  readonly arraySets: PublishedTable;
  /** memcg_caches arrays; an array lives until a grace period after it was replaced. */
  readonly memcgArrays: PublishedArrays;
  /** Root caches by name. */
  readonly roots: PublishedNames;
  readonly tasks: TaskTable;
  private readonly scalars: Words;
  /** Per CPU 1 if it is online; then how often that has changed; then per CPU 1 if it is isolated. */
  private readonly online: Words;
  private onlineChanges = 0;
  private onlineList: readonly number[] = [];
  private readonly cpuCount: number;

  constructor(topology: Topology, memory: Memory) {
    const { nodes, cpuCount } = topology;
    this.caches = new PublishedTable('kmem_cache', 16, nodes, memory);
    this.csses = new PublishedTable('css', 6, nodes, memory);
    this.objCgroups = new PublishedTable('obj_cgroup', 3, nodes, memory);
    this.arraySets = new PublishedTable('array_cache set', 4, nodes, memory);
    this.memcgArrays = new PublishedArrays(memory);
    this.roots = new PublishedNames(memory);
    this.tasks = new TaskTable(memory);
    this.scalars = memory.words();
    this.scalars.ensure(SCALARS);
    this.online = memory.words();
    this.online.ensure(2 * cpuCount + 1);
    this.cpuCount = cpuCount;
  }

  /** One of the words of `Scalar`. */
  scalar(word: number): number {
    return this.scalars.view[word] as number;
  }

  setScalar(word: number, value: number): void {
    this.scalars.view[word] = value;
  }

  get slabFull(): boolean {
    return this.scalar(Scalar.slabFull) === 1;
  }

  isOnline(cpu: number): boolean {
    return this.online.view[cpu] === 1;
  }

  setOnline(cpu: number, online = true): void {
    const { view } = this.online;
    view[cpu] = Number(online);
    view[this.cpuCount] = (view[this.cpuCount] as number) + 1;
  }

  /** cpu_online_mask, ascending. */
  onlineCpus(): readonly number[] {
    const { view } = this.online;
    const changes = view[this.cpuCount] as number;
    if (changes !== this.onlineChanges) {
      this.onlineChanges = changes;
      const online: number[] = [];
      for (let cpu = 0; cpu < this.cpuCount; cpu++) if (view[cpu] === 1) online.push(cpu);
      this.onlineList = online;
    }
    return this.onlineList;
  }

  /** cpu_isolated_map: the scheduler keeps tasks away from it unless they are pinned there. */
  isIsolated(cpu: number): boolean {
    return this.online.view[this.cpuCount + 1 + cpu] === 1;
  }

  setIsolated(cpu: number): void {
    this.online.view[this.cpuCount + 1 + cpu] = 1;
  }
}

/** The published memory css of the root cgroup. */
export const rootMemcg = (published: Published): Handle => published.scalar(Scalar.rootMemcg);

/** memcg_cache_id: index of a memcg in all memcg_caches arrays, −1 if it is not kmem-active. */
export const memcgCacheId = ({ csses }: Published, css: Handle): number => csses.read(css, CssField.kmemcgId) - 1;

/** memcg_kmem_is_active (3.14). */
export const memcgKmemIsActive = (published: Published, css: Handle): boolean => memcgCacheId(published, css) >= 0;
