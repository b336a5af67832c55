/**
 * Tracepoints: what the checker sees of a running kernel. Each carries a CPU and up to four numbers, whose meaning stands
 * beside the name. The CPU or the handler that makes a step emits it, so a checker beside that CPU or home node can follow
 * it on every machine.
 */
export const Trace = {
  /** (CPU: sender) target, waiter, 1 if of a mask call, info: the sender takes the csd of this pair for a new call. */
  csdLock: 0,
  /** target, sender, waiter, 1 if synchronous: the csd is in the target's call queue. */
  csdQueue: 1,
  /** (CPU: target) sender, waiter, 1 if interrupts are off, the info that the function gets: it starts. */
  csdExecute: 2,
  /** (CPU: target) sender, waiter: the function has returned. */
  csdReturn: 3,
  /** (CPU: target) sender, waiter: the sender is told that the csd is free. */
  csdUnlock: 4,
  /** call number, 1 if interrupts are off, spinlocks held, 1 if it waits. */
  callBegin: 5,
  /** call number, targets, 1 if it waited. */
  callEnd: 6,
  /** (CPU: sender) target, vector, 1 if the target's queue was empty, 1 if of a mask call, 2 if of a wake-up. */
  ipiSend: 7,
  /** (CPU: target) vector: the handler starts. */
  ipiHandle: 8,
  /** 0 = kick_all_cpus_sync begins, 1 = it returns. */
  kick: 9,
  /** work, 1 if PENDING was clear, CPU that is to execute it if the workqueue is bound. */
  workQueue: 10,
  /** (CPU: worker) work, workqueue: PENDING is cleared, the function is about to start. */
  workStart: 11,
  /** work, workqueue: its function has returned, and the pool does not execute it any more. */
  workEnd: 12,
  /** work: the item's memory is freed. */
  workFree: 13,
  /** workqueue, flush number of this CPU. */
  flushBegin: 14,
  flushEnd: 15,
  /** mutex, 1 if in atomic context, task: a lock that may wait is asked for. */
  mutexAcquire: 16,
  /** mutex, task: granted. */
  mutexLock: 17,
  /** mutex, 0 = asked, 1 = refused, 2 = granted, task, how often the task has slept in this call into the kernel. */
  mutexTrylock: 18,
  /** mutex, task. */
  mutexUnlock: 19,
  /** object, cache: handed to the user. */
  objectAlloc: 20,
  /** object, cache: given back by the user. */
  objectFree: 21,
  /** page, cache, objects: a slab joins the cache. */
  slabAdd: 22,
  /** page, cache, active objects: a slab leaves the cache's lists. */
  slabRemove: 23,
  /** cache, array set, owner of the array, entries: all entries are taken out; the CPU may be another. */
  arrayAccess: 24,
  /** cache, new array set, previous or 0, 1 if each CPU is about to swap its own pointer. */
  arrayPublish: 25,
  /** array set: freed. */
  arrayRelease: 26,
  /** cache, root or 0. */
  cacheCreate: 27,
  /** cache, 1 if empty: __kmem_cache_shutdown returns. */
  cacheShutdown: 28,
  /** cache: __kmem_cache_release begins. */
  cacheRelease: 29,
  /** cache, 0 = __do_tune_cpucache begins, 1 = it returns. */
  tune: 30,
  /** page, cache: the RCU callback that frees a page of an RCU-typed cache. */
  rcuPageFree: 31,
  /** (CPU: target) 0 = the CPU takes its whole call queue, 1 = all that it took has run. */
  callQueue: 32,
  /** work, workqueue, CPU of the pool or −1: the item joins its pool. */
  workInsert: 33,
  /** css: its reference count is killed. */
  cssKill: 34,
  /** css: its memory is freed. */
  cssFree: 35,
  /** (CPU: queuing) flavour, number of the RCU function, its data, serial number: a callback is queued. */
  rcuQueue: 36,
  /** (CPU: invoking) flavour, serial number, 0 = the callback starts, 1 = it has returned. */
  rcuInvoke: 37,
  /** flavour, number, 0 = the grace period starts at the root, 1 = it has ended there. */
  rcuGracePeriod: 38,
  /** (CPU: that owed it) flavour, grace period, 0 = it reported itself, 1 = it was seen idle, 2 = it is offline. */
  rcuQuiescent: 39,
  /** flavour, grace period, node: a scan for quiescent states of that node's CPUs has ended. */
  rcuScan: 40,
  /** flavour, task or 0 in an interrupt, 1 = a read section begins, 0 = it ends; they nest. */
  rcuRead: 41,
  /** flavour, task, 1 if the kernel counts read sections: a task leaves the kernel in one. */
  rcuLeak: 42,
  /** flavour, task, 0 = synchronize_* begins, 1 = it returns. */
  rcuSynchronize: 43,
  /** flavour, task, 0 = rcu_barrier is asked for, 1 = a barrier begins, 2 = it ends, 3 = rcu_barrier returns. */
  rcuBarrier: 44,
  /** (CPU: that goes down) its callbacks are orphans. */
  rcuCpu: 45,
  /** One of `HotplugStep`: the CPU comes or goes. */
  hotplug: 46,
  /** kind of owner, object: a percpu_ref is killed. */
  refKill: 47,
  /** kind of owner, object: the switch to atomic mode is complete, the per-CPU counters are summed. */
  refSwitch: 48,
  /** kind of owner, object: the confirm function is about to run. */
  refConfirm: 49,
  /** kind of owner, object, 1 if by tryget_live: a reference is taken (of those without only the ones in atomic mode). */
  refTake: 50,
  /** kind of owner, object, 0 = the release function starts, 1 = it returns. */
  refRelease: 51,
  /** kind of owner, object: percpu_ref_exit frees the per-CPU counters. */
  refExit: 52,
  /** spinlock, 1 if interrupts are off: the lock was taken. */
  spinLock: 53,
  /** object, obj_cgroup, bytes: the obj_cgroup pays for the object from now on. */
  objectAccount: 54,
  /** object, obj_cgroup, bytes: it is freed, and the obj_cgroup pays no more. */
  objectUnaccount: 55,
  /** obj_cgroup, bytes, negative if given back: it pays for percpu memory. */
  percpuAccount: 56,
  /** obj_cgroup, pages, negative if given back: charged for its bytes. */
  objcgCharge: 57,
  /** obj_cgroup: its reference count is killed. */
  objcgKill: 58,
  /** obj_cgroup, bytes charged for it: its last reference is gone. */
  objcgRelease: 59,
  /** obj_cgroup: its memory is freed. */
  objcgFree: 60,
  /** work, workqueue, 0 = a pending item is taken off its list and will not be executed, 1 = its PENDING is cleared. */
  workCancel: 61,
  /** cache, 0 if it got its directory in /sys/kernel/slab, else the cache that has the name. */
  sysfsAdd: 62,
  /** cache: its directory is gone. */
  sysfsRemove: 63,
  /** cache: its destroy work leaves it, dead and with pages. */
  cacheDangling: 64,
  /** task, 1 if as the writer, 0 = cpu_hotplug is asked for, 1 = it is held, 2 = it is let go. */
  hotplugLock: 65,
  /** 0 = a waiting call of all other CPUs begins, 1 = it returns. */
  callAll: 66,
} as const;

/** A CPU takes no more tasks; it is dead; it is online again. */
export const HotplugStep = { inactive: 0, dead: 1, online: 2 } as const;

export type Tracepoint = (typeof Trace)[keyof typeof Trace];

/** Receiver of tracepoints. */
export interface Probe {
  emit(tracepoint: Tracepoint, cpu: number, a: number, b: number, c: number, d: number): void;
}

/** Receiver of measured durations, in ns of the machine's clock. */
export interface DurationSink {
  record(name: string, ns: number): void;
  kick(split: KickSplit): void;
}

/** One kick_all_cpus_sync, its time split along the path of the target that answered last; ns. */
export interface KickSplit {
  readonly sender: number;
  readonly cpu: number;
  readonly ns: number;
  readonly send: number;
  readonly delivery: number;
  readonly irqOffWait: number;
  readonly handler: number;
  readonly ack: number;
}
