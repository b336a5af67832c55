import type { Coroutine, Handle, ObjectRef } from '@kmemlab/machine';
import type { Cpu } from './cpu.js';
import type { FsType } from './fs/types.js';
import type { MutexName } from './locking/mutex.js';
import type { CacheLifecycle } from './mm/memcontrol/cache-lifecycle.js';
import type { ChildCaches } from './mm/memcontrol/child-caches.js';
import type { Stocked } from './mm/memcontrol/cpu-stock.js';
import type { LimitOperations } from './mm/memcontrol/limits.js';
import type { MemcgCacheLists } from './mm/memcontrol/memcg-cache-lists.js';
import type { ReclaimPolicies } from './mm/reclaim-policies.js';
import { slabAllocator } from './mm/slab/allocator.js';
import type { ArraySwap, PageUse, SlabTrim } from './mm/slab/types.js';
import type { Chosen } from './mm/slab-common/alloc.js';
import type { SlabAllocator } from './mm/slab-common/allocator.js';
import type { Deactivation } from './mm/slab-common/deactivate.js';
import type { CacheSpec, Destruction } from './mm/slab-common/types.js';
import { slubAllocator } from './mm/slub/allocator.js';
import type { SlubPolicies } from './mm/slub/policies.js';
import { type PatchApi, patchApi } from './patch-api.js';
import type { PolicyWord } from './policy-words.js';
import type { RcuHead } from './rcu/callback-list.js';
import type { RcuData } from './rcu/state.js';
import { FunctionTable } from './registry.js';
import type { TaskRecord } from './sched/task.js';
import type { CallSingleData } from './smp/call-queue.js';
import { interruptHandlers } from './smp/vectors.js';
import type { Syscall, SyscallFunction, SyscallResult } from './syscalls/table.js';

/** What a memcg cache takes from its memcg, and gives back. All under slab_mutex but `exit`. */
export interface CacheLinks {
  /** The cache joins its memcg's list. */
  readonly link: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
  /** It leaves the list of the memcg that it belongs to by now. */
  readonly unlink: (cpu: Cpu, cache: Handle, memcg: Handle) => Coroutine<void>;
  /** Its memory is about to be freed. */
  readonly exit: (cpu: Cpu, cache: Handle) => Coroutine<void>;
}

/** Charging a cache's memcg for 2^order pages that are still to come, or have gone. */
export interface ChargeAhead {
  /** Evaluates to false if a limit forbids it. */
  readonly charge: (cpu: Cpu, cache: Handle, order: number) => Coroutine<boolean>;
  readonly uncharge: (cpu: Cpu, cache: Handle, order: number) => Coroutine<void>;
}

/**
 * What makes one kernel differ from another: named decisions, each a value or a kernel function. A version sets all of
 * them; a patch changes some. Reading two versions side by side tells how they differ.
 */
export interface Policies {
  readonly smp: {
    /** Which targets of a mask call get the IPI: every one (to 4.12), or those whose queue was empty (5.2 and later). */
    maskCallRings: PolicyWord<'smp.maskCallRings'>;
    /** The interrupt of a wake-up on another CPU: one of its own (row RES), or since 5.8 that of single calls (row CAL). */
    wakeups: PolicyWord<'smp.wakeups'>;
    /** Take everything off this CPU's call queue, in the order in which it is to run. */
    takeCalls: (cpu: Cpu) => readonly CallSingleData[];
    /** Spin until the csd that this waiter stands for is unlocked (csd_lock_wait). */
    waitForCsd: (cpu: Cpu, waiter: number) => Coroutine<void>;
    /** The mask of smp_call_function: cpu_online_mask. */
    everyone: (cpu: Cpu) => readonly number[];
    /** The dying step of a CPU that goes down, which runs what is in its call queue; null if CPUs cannot go down. */
    flushDying: ((cpu: Cpu) => Coroutine<void>) | null;
    /** Run one csd's function. */
    runCall: (cpu: Cpu, csd: CallSingleData) => Coroutine<void>;
    /** When the handler releases the csd of a call that nobody waits for: before its function (4.10), or after it (3.14). */
    releaseAsync: PolicyWord<'smp.releaseAsync'>;
  };
  readonly rcu: {
    /** A flavour for each kind of reader (to 4.19), or one that waits for all kinds. */
    flavours: PolicyWord<'rcu.flavours'>;
    /** Whether a barrier's callback is a new one like any other, or is put behind the CPU's last one, to run with it (5.2). */
    barrierCallback: PolicyWord<'rcu.barrierCallback'>;
    /** Take at most so many callbacks that may be invoked off the CPU's list, in the order in which they are invoked. */
    takeReady: (data: RcuData, most: number) => RcuHead[];
    /** What synchronize_sched and synchronize_rcu do to wait for a grace period that starts after the call. */
    waitForGracePeriod: (cpu: Cpu, data: RcuData) => Coroutine<void>;
    /** rcu_barrier of a flavour, once it has been asked for. */
    barrier: (cpu: Cpu, data: RcuData) => Coroutine<void>;
  };
  readonly locking: {
    /** One attempt to take a mutex, without waiting. */
    trylock: (cpu: Cpu, name: MutexName) => Coroutine<boolean>;
  };
  readonly percpuRef: {
    /** The switch to atomic mode frees the per-CPU counters at once (5.3: of references that are never switched back). */
    readonly exitAtSwitch: boolean;
  };
  readonly slab: {
    /**
     * Bring the new array set of a cache, made already, into use on every CPU, so that afterwards none uses the old one
     * (`previous`, 0 for a new cache). Under slab_mutex.
     */
    swapArrays: (cpu: Cpu, swap: ArraySwap) => Coroutine<void>;
    /** A cache's cpu_cache pointer has just been set; `previous` is the old array set, 0 for a new cache. Under slab_mutex. */
    afterPublish: (cpu: Cpu, previous: Handle) => Coroutine<void>;
    /**
     * How many kick_all_cpus_sync calls `afterPublish` makes (checked as SLAB-7), null if that is not stated. A patch that
     * replaces `afterPublish` alone states nothing.
     */
    kicksPerPublish: ((previous: Handle) => number) | null;
    /** Where a shared array was replaced, a grace period passes before its memory goes. */
    waitsForShared: boolean;
    /** free_block destroys a slab that it empties if too many objects are free (3.14), or the last of the free slabs (4.10). */
    trims: SlabTrim;
    /** Shutting a cache down is a call of __kmem_cache_shrink (4.10), or of a static function that both call (3.14). */
    readonly shutdownShrinks: boolean;
    /** A new root cache may share one that can serve its objects, too (find_mergeable). */
    readonly merges: boolean;
    /** First of all in kmem_cache_destroy of a root cache, even if the cache stays under another name (V4-d); no lock is held. */
    beforeDestroy: (cpu: Cpu, root: Handle) => Coroutine<void>;
    /**
     * A cache was shut down and taken off all lists: release it, or have it released, under slab_mutex. Evaluates to false if
     * that is left to the caller, once slab_mutex is dropped.
     */
    dispose: (cpu: Cpu, cache: Handle, of: Destruction) => Coroutine<boolean>;
    /** A cache leaves the lists of its root and memcg before `dispose`, which may release it, or after it. Under slab_mutex. */
    unlinks: PolicyWord<'slab.unlinks'>;
    /** Before caches of which one is RCU-typed are released; `of` is 'root' if any of them went with its root cache. */
    barrierBeforeRelease: (cpu: Cpu, of: Destruction) => Coroutine<void>;
  };
  /** In what SLUB differs from version to version; not asked by SLAB. */
  readonly slub: SlubPolicies;
  readonly memcg: {
    /** The memcg that pays for an allocation, by the cache's flags and whether the call asks for accounting; 0 for none. */
    payer: (cpu: Cpu, flags: number, account: boolean) => Handle;
    /** First half of the hook around an accounted allocation: which cache serves it. */
    getCache: (cpu: Cpu, root: Handle, memcg: Handle) => Coroutine<Chosen>;
    /** Its second half, if the first one holds something; `object` is 0 if the allocation failed. */
    putCache: (cpu: Cpu, chosen: Chosen, object: ObjectRef) => Coroutine<void>;
    /** Runs before the allocator gets an object back; null if the version has none. */
    freeHook: ((cpu: Cpu, cache: Handle, object: ObjectRef) => Coroutine<void>) | null;
    /** Runs after the allocator has got an object back; null if the version has nothing to do then. */
    afterFree: ((cpu: Cpu, cache: Handle) => Coroutine<void>) | null;
    /** Runs before the pages of a slab block go back to the page allocator; null if the version has nothing to do then. */
    freeSlabHook: ((cpu: Cpu, page: Handle) => Coroutine<void>) | null;
    /** The workqueue on which memcg caches are made; null if none are made later than they are asked for. */
    creationQueue: PolicyWord<'memcg.creationQueue'> | null;
    /** An accounted allocation found no cache: have it created. */
    scheduleCreate: (cpu: Cpu, memcg: Handle, root: Handle) => Coroutine<void>;
    /** Memory for a creation item: evaluates to the item, 0 if there is none. */
    allocateItem: (cpu: Cpu, memcg: Handle, root: Handle) => Coroutine<Handle>;
    /** Whether a root gets no more children; null if that is not asked. Under slab_mutex. */
    refuseCreation: ((cpu: Cpu, root: Handle) => Coroutine<boolean>) | null;
    /** Charge a new slab of 2^order pages, by its head page: evaluates to the memcg that pages point to, 0 for none, negative if denied. */
    chargeSlab: (cpu: Cpu, cache: Handle, order: number, page: Handle) => Coroutine<Handle>;
    /** The reverse, for a slab of any cache; `memcg` is what chargeSlab answered. */
    unchargeSlab: (cpu: Cpu, cache: Handle, memcg: Handle, order: number, page: Handle) => Coroutine<void>;
    /** Slabs are charged before their pages are allocated, and uncharged after these are freed (reparent-2014 7); null if with the pages there. */
    chargeAhead: ChargeAhead | null;
    /** Every page allocation passes memcg_kmem_newpage_charge, which looks whether it is to be charged (3.14). */
    hooksEveryPage: boolean;
    /** Caches of memcgs that go by destroy works (3.14); null if the version has no such works. */
    readonly childCaches: ChildCaches | null;
    /** memory.kmem.slabinfo of a memcg; an errno if it has none. */
    readonly slabinfo: (cpu: Cpu, memcg: Handle) => Coroutine<string | number>;
    /** Children of a root that tuning and /proc/slabinfo reach. */
    childrenOf: (cpu: Cpu, root: Handle) => Coroutine<Handle[]>;
    /** drain_local_stock, on the CPU whose stock it is. */
    drainLocalStock: (cpu: Cpu) => Coroutine<void>;
    /** Give back the page part of what was this or a dead CPU's stock. */
    drainStockOf: (cpu: Cpu, stock: Stocked) => Coroutine<void>;
    /** References on its memcg that a CPU's stock holds. */
    stockRefs: (stock: Stocked) => number;
    /** Ids have outgrown the memcg_caches arrays: replace those of all roots by arrays of this size. */
    growArrays: (cpu: Cpu, size: number) => Coroutine<void>;
    /** A charged slab page holds a css reference. */
    readonly pagesHoldCss: boolean;
    /** Charge pages that are no slab to the running task's memcg: evaluates to it, 0 for none, negative if denied. */
    chargePages: (cpu: Cpu, order: number, use: PageUse) => Coroutine<Handle>;
    unchargePages: (cpu: Cpu, memcg: Handle, order: number, use: PageUse) => Coroutine<void>;
    /** References on its css that a charged block of 2^order pages holds, where pages hold any. */
    cssRefsOfBlock: (order: number) => number;
    /** How limits are written and counted. */
    limits: LimitOperations;
    /** kmem_cache_destroy of a root cache by one of its names. Evaluates to false if it stays: objects are left, or it has other names. */
    destroyRoot: (cpu: Cpu, root: Handle, name: string) => Coroutine<boolean>;
    /** References between a memcg cache and its memcg; null if it has none of its own (to 5.2). */
    readonly links: CacheLinks | null;
    /** How a memcg's caches are found when it goes offline and when it is freed. */
    cacheLists: MemcgCacheLists;
    /** The workqueue of the item in each memcg cache, by which it is deactivated after a grace period (4.12). */
    deactivationQueue: PolicyWord<'memcg.deactivationQueue'>;
    /** How memcg caches that count their references are found, charged and ended; asked in such kernels only. */
    readonly lifecycle: CacheLifecycle;
    /** The memcg's caches when it goes offline; its slots are cleared here. `id` is its index until now. */
    deactivate: (cpu: Cpu, memcg: Handle, id: number, parent: Handle) => Coroutine<void>;
    /** What the allocator does there. */
    readonly deactivation: Deactivation;
    initRootArray: (cpu: Cpu, root: Handle) => Coroutine<void>;
    /** What keeps the size of the memcg_caches arrays while a root cache is made; null where slab_mutex does, or there are none. */
    cacheIdsLock: MutexName | null;
    /** Charge the percpu statistics of a new memcg: evaluates to who pays, 0 for nobody, negative if denied; null if nobody ever does. */
    allocStatistics: ((cpu: Cpu, parent: Handle) => Coroutine<Handle>) | null;
    online: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
    offline: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
    free: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
  };
  readonly cgroup: {
    /** The last reference of a killed css is gone (css_release). Any context. */
    release: (cpu: Cpu, css: Handle) => Coroutine<void>;
    /** Have a released css freed by css_free_work_fn after a grace period. Any context. */
    freeLater: (cpu: Cpu, css: Handle) => Coroutine<void>;
    /** What a new cgroup keeps in kmalloc'ed memory, bytes each; null if the version does not account it. */
    structures: ((cpu: Cpu) => readonly number[]) | null;
  };
  readonly reclaim: ReclaimPolicies;
  readonly fs: {
    /** Files of a cgroup directory whose dentries and inodes mkdir makes at once; null if lookups make them one by one. */
    readonly cgroupFiles: readonly string[] | null;
    /** A removed cgroup directory leaves a negative dentry. */
    readonly rmdirLeavesNegative: boolean;
    /** Run a system call with the kernel buffers that it needs; null if the version does not account them. */
    withBuffers: ((cpu: Cpu, task: TaskRecord, call: Syscall, run: SyscallFunction) => Coroutine<SyscallResult>) | null;
    /** The row CAL of /proc/interrupts leaves TLB shootdowns out. */
    readonly calWithoutTlb: boolean;
    readonly procInodeCache: string;
    /** Cache of the inodes below /tmp. */
    readonly tmpInodeCache: string;
    /** Dentry and inode of a /proc file are dropped when it is closed. */
    readonly procDropsAtClose: boolean;
    /** Caches from which an open file of a file system has a record each, beside its struct file, until it is closed. */
    readonly recordsOf: (fs: FsType) => readonly string[];
  };
}

/** Configuration tokens of a kernel. */
export interface KernelConfig {
  readonly allocator: 'slab' | 'slub';
  /** Tasks in the kernel can be preempted (CONFIG_PREEMPT), or run until they sleep or return. */
  readonly preemption: 'preempt' | 'nonpreempt';
  /** A kernel that is not preemptible counts preempt_disable all the same (CONFIG_PREEMPT_COUNT). */
  readonly preemptCount: boolean;
  readonly hz: number;
  /** isolcpus=: CPUs from which the scheduler keeps tasks that are not pinned there; none if absent. */
  readonly isolcpus?: readonly number[];
  /** CPUs without a tick while one task runs in user mode (nohz_full=), ascending. */
  readonly nohzFull: readonly number[];
  /** The hierarchy that the memory controller is on. */
  readonly cgroup: 'v1' | 'v2';
  /**
   * Object sizes of a distribution, booted with slab_nomerge; or of the small build whose counts were measured, which
   * merges caches of equal objects. In 3.14 SLAB merges nothing, and SLUB, which does not know slab_nomerge, always.
   */
  readonly objects: 'distribution' | 'measured';
  /** What is mounted on /tmp; tmpfs if absent. */
  readonly tmp?: 'ramfs';
  /** slub_memcg_sysfs=1: with SLUB the caches of memcgs have directories in sysfs, which 4.12 made optional; off if absent. */
  readonly slubMemcgSysfs?: boolean;
}

/** What a kernel is configured as if nothing else is said. */
export const defaultConfig: KernelConfig = {
  allocator: 'slab',
  preemption: 'nonpreempt',
  preemptCount: false,
  hz: 250,
  nohzFull: [],
  cgroup: 'v1',
  objects: 'distribution',
};

/** One release of the kernel: its root caches in boot order and its policies. */
export interface KernelVersion {
  readonly name: string;
  /** The source it models, e.g. "4.10.17". */
  readonly source: string;
  readonly summary: string;
  readonly caches: readonly CacheSpec[];
  /** It has no cgroup v2, which came with 4.5. */
  readonly withoutCgroup2?: true;
  /** It knows slub_memcg_sysfs: 4.12 until there were no caches of memcgs any more. */
  readonly hasSlubMemcgSysfs?: true;
  /** Its policies in a configuration: what differs between SLAB and SLUB is chosen here. */
  readonly policies: (config: KernelConfig) => Policies;
}

/** A decision that a patch leaves to its user: `patch:name=value`. */
export type PatchOption = { readonly summary: string } & (
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly default: number }
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly default: string }
);

export type PatchOptionValues = Readonly<Record<string, number | string>>;

/** A change to a kernel, as one module. See docs/writing-a-patch.md. */
export interface Patch {
  readonly name: string;
  /** One line: what it changes. */
  readonly summary: string;
  /** Why that is right, or what it is for, in a sentence for readers who do not know this code. */
  readonly why?: string;
  /** Author, list and date of the mail that it models. */
  readonly mail?: string;
  /** A deliberately broken kernel, for testing the checker; `breaks` names the invariant, or the class of the verdict. */
  readonly mutation?: boolean;
  readonly breaks?: string;
  /** Configuration tokens with which it breaks that; any if absent. */
  readonly config?: string;
  /** The scenario of the matrix that shows it soonest, as `torture 1x1`; the first if absent. */
  readonly shownBy?: string;
  /** Shown by a search that is aimed at it only, which the bug matrix makes: the matrix of mutations leaves it out. */
  readonly aimed?: true;
  /** A mutation that takes away what is not needed: the checker must find nothing. */
  readonly silent?: boolean;
  /** Versions it applies to; all if absent. */
  readonly appliesTo?: readonly string[];
  /** What it decides for the whole kernel: patches that decide the same are alternatives to each other. */
  readonly decides?: string;
  /** What can be chosen; nothing if absent. */
  readonly options?: Readonly<Record<string, PatchOption>>;
  /** What is wrong with options that would mean nothing together, and how to mend it. */
  readonly contradiction?: (options: PatchOptionValues) => string | undefined;
  /** Options that were chosen; the others are at their defaults. */
  readonly chosen?: PatchOptionValues;
  /** Adjust policies or replace named functions and handlers of the kernel being built; `options` has all of them. */
  readonly apply: (kernel: KernelBuild, api: PatchApi, options: PatchOptionValues) => void;
}

/** A patch as the user names it, with the options that were chosen. */
export const spelled = ({ name, chosen = {} }: Patch): string =>
  [name, ...Object.entries(chosen).map(([option, value]) => `${option}=${value}`)].join(':');

const optionsOf = ({ options = {}, chosen }: Patch): PatchOptionValues => ({
  ...Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default])),
  ...chosen,
});

const allocators = { slab: slabAllocator, slub: slubAllocator } as const satisfies Record<string, SlabAllocator>;

/** A copy that shares no object with others: versions share some of theirs, and a patch writes into what it is given. */
function ownCopy<T extends object>(policies: T): T {
  const copy = { ...policies };
  for (const [name, value] of Object.entries(copy)) {
    if (value?.constructor === Object) copy[name as keyof T] = ownCopy(value);
  }
  return copy;
}

/** A kernel ready to boot: a version with patches applied, and its function table. */
export class KernelBuild {
  readonly policies: Policies;
  readonly allocator: SlabAllocator;
  readonly functions = new FunctionTable();
  readonly interruptHandlers: Record<number, (cpu: Cpu, vector: number) => Coroutine<void>> = { ...interruptHandlers };

  constructor(
    readonly version: KernelVersion,
    readonly patches: readonly Patch[],
    readonly config: KernelConfig,
  ) {
    this.policies = ownCopy(version.policies(config));
    this.allocator = allocators[config.allocator];
    for (const patch of patches) this.applyPatch(patch);
  }

  private applyPatch(patch: Patch): void {
    const { slab } = this.policies;
    const { afterPublish, kicksPerPublish } = slab;
    patch.apply(this, patchApi, optionsOf(patch));
    if (slab.afterPublish !== afterPublish && slab.kicksPerPublish === kicksPerPublish) slab.kicksPerPublish = null;
  }

  get hz(): number {
    return this.config.hz;
  }

  get name(): string {
    return [this.version.name, ...this.patches.map(spelled)].join('+');
  }
}
