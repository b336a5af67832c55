import {
  actorOf,
  type Handle,
  HandleTable,
  type Memory,
  RandomStream,
  type Step,
  VerdictError,
} from '@kmemlab/machine';
import type { Cgroup, CgroupMemory, Css } from './cgroup/types.js';
import type { Dentry, Inode, Pipe } from './fs/types.js';
import type { LeftBehind } from './hotplug/dead-cpu.js';
import { StopMachine } from './hotplug/stop-machine.js';
import { HotplugLock } from './locking/hotplug.js';
import { Mutex, type MutexName } from './locking/mutex.js';
import { Spinlock, type SpinlockName } from './locking/spinlock.js';
import { ListLrus } from './mm/list-lru.js';
import type { CreateWork } from './mm/memcontrol/cache-create.js';
import type { MemcgCacheParams } from './mm/memcontrol/cache-params.js';
import type { ChargedPages } from './mm/memcontrol/charge-page.js';
import { DanglingCaches } from './mm/memcontrol/dangling-caches.js';
import { IdAllocator } from './mm/memcontrol/id-allocator.js';
import { IdHeirs } from './mm/memcontrol/id-heirs.js';
import type { ObjCgroup, ObjVector } from './mm/memcontrol/obj-types.js';
import type { Memcg } from './mm/memcontrol/types.js';
import type { KmemCacheNode } from './mm/slab/cache-node.js';
import type { SlabPage } from './mm/slab/types.js';
import type { Allocation } from './mm/slab-common/alloc.js';
import { CacheList } from './mm/slab-common/cache-list.js';
import { RcuDestroyList } from './mm/slab-common/rcu-destroy.js';
import type { KmemCache } from './mm/slab-common/types.js';
import type { SlubCacheNode } from './mm/slub/cache-node.js';
import { SlubState } from './mm/slub/node-state.js';
import { SlabKset } from './mm/slub/slab-kset.js';
import { type Environment, NodeMemory } from './node-memory.js';
import { RcuRoots, RcuTree } from './rcu/tree.js';
import type { TaskStruct } from './sched/task-struct.js';
import { type WorkItem, WorkPool } from './workqueue/types.js';

/** Steps that freed an array set are kept for this many sets, for verdicts. */
const FREED_SETS_KEPT = 4096;

/**
 * Everything homed on one NUMA node, on top of what its CPUs share. Only handlers touch it, one at a time. Static globals are used on the boot node alone.
 */
export class KernelNode extends NodeMemory {
  readonly random: RandomStream;

  readonly pages: HandleTable<SlabPage>;
  readonly caches: HandleTable<KmemCache>;
  readonly arraySets: HandleTable<{ readonly cache: Handle }>;
  readonly works: HandleTable<WorkItem>;
  readonly createWorks: HandleTable<CreateWork>;
  readonly csses: HandleTable<Css>;
  readonly objCgroups: HandleTable<ObjCgroup>;
  readonly dentries: HandleTable<Dentry>;
  readonly inodes: HandleTable<Inode>;
  readonly tasks: HandleTable<TaskStruct>;
  readonly pipes = new Map<Handle, Pipe>();
  /** Slab objects that go back after a grace period, other than dentries and inodes. */
  readonly rcuObjects: HandleTable<Allocation>;
  /** Memcgs of this node that were removed and are not freed yet. */
  dyingMemcgs = 0;
  /** Stores into slots of memcg_caches arrays so far, which fill and clear them. */
  slotStores = 0;
  /** Objects that experiments left to reclaim. */
  readonly keptObjects = new Map<number, Allocation[]>();
  readonly keptPages: ChargedPages[] = [];
  /** memcg_cache_params (3.14) of the child caches homed here. */
  readonly cacheParams = new Map<Handle, MemcgCacheParams>();
  /** CPUs that spin on the memcg of a child cache homed here. */
  readonly memcgWatchers = new Map<Handle, number[]>();
  /** kmalloc'ed memory of the cgroups homed here, by their own css. */
  readonly cgroupMemory = new Map<Handle, CgroupMemory>();
  /** The first tty's write_buf, null before the first write. */
  ttyBuffer: Allocation | null = null;
  readonly slabNodes = new Map<Handle, KmemCacheNode>();
  readonly slub = new SlubState();
  /** Owners of the objects of slab blocks that have a vector of them (5.9), by head page. */
  readonly objVectors = new Map<Handle, ObjVector>();
  private readonly pools = new Map<string, Map<number, WorkPool>>();
  readonly listLrus = new ListLrus();
  readonly idHeirs = new IdHeirs();
  /** What each CPU of this node that went down has left behind, until its heir takes it. */
  readonly leftBehind = new Map<number, LeftBehind>();
  /** CPUs of this node that went down. */
  readonly cpusDown = new Set<number>();
  /** This node's part of the rcu_node trees. */
  readonly rcu: RcuTree;
  pagesInUse = 0;
  /** Pages of memory on this node. */
  pageLimit = Number.POSITIVE_INFINITY;
  private readonly freedSets = new Map<Handle, Step>();

  // Static globals; in use on the boot node only.
  readonly cacheList = new CacheList();
  readonly slabKset = new SlabKset();
  readonly rcuDestroy = new RcuDestroyList();
  readonly dangling = new DanglingCaches();
  readonly rcuRoots = new RcuRoots();
  readonly cacheIds = new IdAllocator();
  readonly hotplug = new HotplugLock();
  readonly stopMachine = new StopMachine();
  cssSerial = 0;
  /** Allocations that are still to fail. */
  failslabTimes = 0;
  cgroupCount = 0;
  forks = 0;
  private arrayHandles = 0;
  private readonly mutexes = new Map<MutexName, Mutex>();
  private readonly spinlocks = new Map<SpinlockName, Spinlock>();

  constructor(id: number, environment: Environment, memory: Memory) {
    super(id, environment, memory);
    this.random = new RandomStream(environment.seed, `node${id}`);
    this.rcu = new RcuTree(environment.topology, id);
    this.pages = new HandleTable('slab page', id);
    this.caches = new HandleTable('kmem_cache', id);
    this.arraySets = new HandleTable('array_cache set', id);
    this.works = new HandleTable('work item', id);
    this.createWorks = new HandleTable('memcg_kmem_cache_create_work', id);
    this.csses = new HandleTable('css', id);
    this.objCgroups = new HandleTable('obj_cgroup', id);
    this.dentries = new HandleTable('dentry', id);
    this.inodes = new HandleTable('inode', id);
    this.tasks = new HandleTable('task_struct', id);
    this.rcuObjects = new HandleTable('object in RCU', id);
  }

  /** A cache's lists on this node. @throws VerdictError if the cache was released (SLAB-5) */
  slabNode(cache: Handle, step: () => Step): KmemCacheNode {
    const cacheNode = this.slabNodes.get(cache);
    if (cacheNode !== undefined) return cacheNode;
    this.caches.get(cache, step);
    throw new Error(`cache ${cache.toString(16)} has no lists on node ${this.id}`);
  }

  /** SLUB's lists of a cache on this node. @throws VerdictError if they were freed */
  slubNode(cache: Handle, step: () => Step): SlubCacheNode {
    const lists = this.slub.nodes.get(cache);
    if (lists !== undefined) return lists;
    const freed = this.slub.freedStep(cache);
    if (freed === undefined) throw new Error(`cache ${cache.toString(16)} has no lists on node ${this.id}`);
    throw new VerdictError({
      class: 'use-after-free',
      id: 'use-after-free',
      object: `kmem_cache_node of cache ${cache.toString(16)}`,
      owner: actorOf(freed),
      steps: [freed, step()],
      detail: `the cache's structures on node ${this.id} were freed`,
    });
  }

  /** The memory part of a css. @throws VerdictError if the css was freed */
  memcg(css: Handle, step: () => Step): Memcg {
    const { memcg, name } = this.csses.get(css, step);
    if (memcg === null) throw new Error(`css ${name} is not of the memory controller`);
    return memcg;
  }

  /** The directory part of a cgroup's own css. @throws VerdictError if it was freed */
  cgroup(self: Handle, step: () => Step): Cgroup {
    const { cgroup, name } = this.csses.get(self, step);
    if (cgroup === null) throw new Error(`css ${name} is not a cgroup's own`);
    return cgroup;
  }

  mutex(name: MutexName): Mutex {
    const mutex = this.mutexes.get(name) ?? new Mutex();
    this.mutexes.set(name, mutex);
    return mutex;
  }

  /** Mutexes of this node that were ever asked for. */
  get usedMutexes(): ReadonlyMap<MutexName, Mutex> {
    return this.mutexes;
  }

  /** Spinlocks of this node that were ever asked for. */
  get usedSpinlocks(): ReadonlyMap<SpinlockName, Spinlock> {
    return this.spinlocks;
  }

  spinlock(name: SpinlockName): Spinlock {
    const lock = this.spinlocks.get(name) ?? new Spinlock();
    this.spinlocks.set(name, lock);
    return lock;
  }

  /** A workqueue's pool of one CPU of this node, or with cpu −1 the one that belongs to no CPU. */
  pool(queue: string, cpu: number): WorkPool {
    const pools = this.pools.get(queue) ?? new Map<number, WorkPool>();
    this.pools.set(queue, pools);
    const pool = pools.get(cpu) ?? new WorkPool();
    pools.set(cpu, pool);
    return pool;
  }

  /** All pools of a workqueue on this node. */
  poolsOf(queue: string): Iterable<WorkPool> {
    return this.pools.get(queue)?.values() ?? [];
  }

  /** Every pool of this node that was ever used, with the name of its workqueue. */
  *allPools(): IterableIterator<[queue: string, pool: WorkPool]> {
    for (const [queue, pools] of this.pools) for (const pool of pools.values()) yield [queue, pool];
  }

  /** Items are queued or running in pools of this node. */
  get busyPools(): boolean {
    for (const pools of this.pools.values()) for (const pool of pools.values()) if (pool.busy) return true;
    return false;
  }

  /** A handle for a memcg_caches array; never reused. */
  newArrayHandle(): Handle {
    return ++this.arrayHandles;
  }

  noteFreedSet(set: Handle, step: Step): void {
    this.freedSets.set(set, step);
    const [oldest] = this.freedSets.keys();
    if (this.freedSets.size > FREED_SETS_KEPT && oldest !== undefined) this.freedSets.delete(oldest);
  }

  freedSet(set: Handle): Step | undefined {
    return this.freedSets.get(set);
  }
}
