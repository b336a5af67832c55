import type { Coroutine, Handle, ObjectRef } from '@kmemlab/machine';
import type { Cpu } from './cpu.js';
import { interruptHandlers } from './cpu.js';
import type { MutexName } from './locking/mutex.js';
import { slabAllocator } from './mm/slab/allocator.js';
import { slubAllocator } from './mm/slub/allocator.js';
import type { SlubPolicies } from './mm/slub/policies.js';
import type { Chosen } from './mm/slab-common/alloc.js';
import type { SlabAllocator } from './mm/slab-common/allocator.js';
import type { CacheSpec } from './mm/slab-common/types.js';
import { type PatchApi, patchApi } from './patch-api.js';
import { FunctionTable } from './registry.js';
import type { CallSingleData } from './smp/call-queue.js';

/**
 * What makes one kernel differ from another: named decisions, each a value or a kernel function. A version sets all of
 * them; a patch changes some. Reading two versions side by side tells how they differ.
 */
export interface Policies {
  readonly smp: {
    /** Which targets of a mask call get the IPI: every one (to 4.12), or those whose queue was empty (5.2 and later). */
    maskCallRings: 'everyTarget' | 'emptyQueues';
    /** Take everything off this CPU's call queue, in the order in which it is to run. */
    takeCalls: (cpu: Cpu) => readonly CallSingleData[];
    /** Spin until the csd that this waiter stands for is unlocked (csd_lock_wait). */
    waitForCsd: (cpu: Cpu, waiter: number) => Coroutine<void>;
    /** The mask of smp_call_function: cpu_online_mask. */
    everyone: (cpu: Cpu) => readonly number[];
    /** Run one csd's function. */
    runCall: (cpu: Cpu, csd: CallSingleData) => Coroutine<void>;
  };
  readonly locking: {
    /** One attempt to take a mutex, without waiting. */
    trylock: (cpu: Cpu, name: MutexName) => Coroutine<boolean>;
  };
  readonly slab: {
    /** A cache's cpu_cache pointer has just been set; `previous` is the old array set, 0 for a new cache. Under slab_mutex. */
    afterPublish: (cpu: Cpu, previous: Handle) => Coroutine<void>;
    /**
     * How many kick_all_cpus_sync calls `afterPublish` makes (checked as SLAB-7), null if that is not stated. A patch that
     * replaces `afterPublish` alone states nothing.
     */
    kicksPerPublish: ((previous: Handle) => number) | null;
    /** Before RCU-typed caches are released. */
    barrierBeforeRelease: (cpu: Cpu) => Coroutine<void>;
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
    /** An accounted allocation found no cache: have it created. */
    scheduleCreate: (cpu: Cpu, memcg: Handle, root: Handle) => Coroutine<void>;
    /** Charge a new slab of 2^order pages: evaluates to the memcg charged, 0 for none, negative if denied. */
    chargeSlab: (cpu: Cpu, cache: Handle, order: number) => Coroutine<Handle>;
    unchargeSlab: (cpu: Cpu, cache: Handle, memcg: Handle, order: number) => Coroutine<void>;
    initRootArray: (cpu: Cpu, root: Handle) => Coroutine<void>;
    online: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
    offline: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
    free: (cpu: Cpu, memcg: Handle) => Coroutine<void>;
    /** The memcg goes offline: give back what its caches do not need and take them out of their slots (of this id). */
    deactivateCaches: (cpu: Cpu, memcg: Handle, id: number) => Coroutine<void>;
  };
  readonly fs: {
    readonly procInodeCache: string;
    readonly tmpInodeCache: string;
    /** Dentry and inode of a /proc file are dropped when it is closed. */
    readonly procDropsAtClose: boolean;
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
  /** CPUs without a tick while one task runs in user mode (nohz_full=), ascending. */
  readonly nohzFull: readonly number[];
  /** The hierarchy that the memory controller is on. */
  readonly cgroup: 'v1' | 'v2';
}

/** What a kernel is configured as if nothing else is said. */
export const defaultConfig: KernelConfig = {
  allocator: 'slab',
  preemption: 'nonpreempt',
  preemptCount: false,
  hz: 250,
  nohzFull: [],
  cgroup: 'v1',
};

/** One release of the kernel: its root caches in boot order and its policies. */
export interface KernelVersion {
  readonly name: string;
  /** The source it models, e.g. "4.10.17". */
  readonly source: string;
  readonly summary: string;
  readonly caches: readonly CacheSpec[];
  /** Its policies in a configuration: what differs between SLAB and SLUB is chosen here. */
  readonly policies: (config: KernelConfig) => Policies;
}

/** A change to a kernel, as one module. See docs/writing-a-patch.md. */
export interface Patch {
  readonly name: string;
  /** One line: what it changes. */
  readonly summary: string;
  /** Author, list and date of the mail that it models. */
  readonly mail?: string;
  /** A deliberately broken kernel, for testing the checker; `breaks` names the invariant, or the class of the verdict. */
  readonly mutation?: boolean;
  readonly breaks?: string;
  /** Versions it applies to; all if absent. */
  readonly appliesTo?: readonly string[];
  /** Adjust policies or replace named functions and handlers of the kernel being built. */
  readonly apply: (kernel: KernelBuild, api: PatchApi) => void;
}

const allocators = { slab: slabAllocator, slub: slubAllocator } as const satisfies Record<string, SlabAllocator>;

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
    this.policies = version.policies(config);
    this.allocator = allocators[config.allocator];
    for (const patch of patches) this.applyPatch(patch);
  }

  private applyPatch(patch: Patch): void {
    const { slab } = this.policies;
    const { afterPublish, kicksPerPublish } = slab;
    patch.apply(this, patchApi);
    if (slab.afterPublish !== afterPublish && slab.kicksPerPublish === kicksPerPublish) slab.kicksPerPublish = null;
  }

  get hz(): number {
    return this.config.hz;
  }

  get name(): string {
    return [this.version.name, ...this.patches.map((patch) => patch.name)].join('+');
  }
}
