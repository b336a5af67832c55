import { BOOT_NODE, type Coroutine, call, type Handle, request, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EINVAL, ENOMEM } from '../fs/types.js';
import { makeMemoryShort } from '../mm/direct-reclaim.js';
import { failslab } from '../mm/failslab.js';
import { objCgroupCharge, refillObjStock } from '../mm/memcontrol/byte-stock.js';
import { type ChargedPages, freeChargedPages } from '../mm/memcontrol/charge-page.js';
import { getObjCgroup, objCgroupPut } from '../mm/memcontrol/obj-cgroup.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { kmemCacheFreeBulk } from '../mm/slab-common/bulk.js';
import { kmallocLarge } from '../mm/slab-common/kmalloc.js';
import { freeObject, takeObject } from '../mm/slab-common/objects.js';
import { CacheField } from '../published-state.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';
import { hrtimerNanosleep } from '../sched/timer.js';
import { isWorkqueueName } from '../workqueue/queues.js';
import { flushWorkqueue } from '../workqueue/workqueue.js';

/* Not system calls of Linux: what experiments do to the kernel, or must know of it, without a way through /proc. */

/** Flush a workqueue by name. */
export function* labFlushWorkqueue(cpu: Cpu, _task: TaskRecord, queue: string): Coroutine<number> {
  if (!isWorkqueueName(queue)) return EINVAL;
  yield* call(flushWorkqueue, cpu, queue);
  return 0;
}

/** Flush the queue on which this kernel makes memcg caches, if it makes any. */
export function* labFlushCreation(cpu: Cpu): Coroutine<number> {
  const { creationQueue } = cpu.build.policies.memcg;
  if (creationQueue !== null) yield* call(flushWorkqueue, cpu, creationQueue);
  return 0;
}

/** Take one object of a named cache and give it back. */
export function* labUseCache(cpu: Cpu, _task: TaskRecord, cache: string): Coroutine<number> {
  if (cpu.published.roots.get(cache) === 0) return EINVAL;
  const object = yield* call(takeObject, cpu, cache);
  if (object === null) return ENOMEM;
  yield* call(freeObject, cpu, object);
  return 0;
}

const keep = defineHandler('lab.keep', (node, { lot, ...object }: Allocation & { lot: number }): void => {
  const kept = node.keptObjects.get(lot) ?? [];
  kept.push(object);
  node.keptObjects.set(lot, kept);
});

const takeKept = defineHandler('lab.takeKept', (node, args: { lot: number; most: number }): Allocation[] => {
  const kept = node.keptObjects.get(args.lot) ?? [];
  const taken = kept.splice(0, args.most);
  if (kept.length === 0) node.keptObjects.delete(args.lot);
  return taken;
});

/** Take one object of a named cache and leave it to labReclaim, with all others of its lot. */
export function* labKeepObject(cpu: Cpu, _task: TaskRecord, cache: string, lot: number): Coroutine<number> {
  if (cpu.published.roots.get(cache) === 0) return EINVAL;
  const object = yield* call(takeObject, cpu, cache);
  if (object === null) return ENOMEM;
  yield* request(cpu.node, keep, { ...object, lot });
  return 0;
}

const keepPages = defineHandler('lab.keepPages', (node, args: ChargedPages): void => {
  node.keptPages.push(args);
});

const takeKeptPages = defineHandler('lab.takeKeptPages', (node, _args: null): ChargedPages[] =>
  node.keptPages.splice(0),
);

/** kmalloc of more than two pages, left to labReclaim. -EINVAL with SLAB, which has caches for that. */
export function* labKeepLarge(cpu: Cpu, _task: TaskRecord, bytes: number): Coroutine<number> {
  if (cpu.build.allocator.name !== 'slub') return EINVAL;
  const pages = yield* call(kmallocLarge, cpu, bytes);
  if (pages === null) return ENOMEM;
  yield* request(cpu.node, keepPages, pages);
  return 0;
}

/** Objects that reclaim frees in one go (SHRINK_BATCH). */
const BATCH = 128;

/**
 * Free all objects of a lot that were left to it by tasks on one node, as a node's kswapd does through a shrinker; `node` −1
 * is this CPU's. Evaluates to how many.
 */
export function* labReclaim(cpu: Cpu, _task: TaskRecord, lot: number, node: number): Coroutine<number> {
  let freed = 0;
  const from = node < 0 ? cpu.node : node;
  const large = lot === 0 ? yield* request(from, takeKeptPages, null) : [];
  for (const pages of large) yield* call(freeChargedPages, cpu, pages);
  for (;;) {
    const objects = yield* request(from, takeKept, { lot, most: BATCH });
    if (objects.length === 0) return freed;
    for (const object of objects) yield* call(freeObject, cpu, object);
    freed += objects.length;
  }
}

/** The same for one batch of a lot, in one call (kmem_cache_free_bulk). All objects are of one cache. */
export function* labReclaimBulk(cpu: Cpu, _task: TaskRecord, lot: number): Coroutine<number> {
  const objects = yield* request(cpu.node, takeKept, { lot, most: BATCH });
  const [first] = objects;
  if (first === undefined) return 0;
  yield* call(
    kmemCacheFreeBulk,
    cpu,
    first.cache,
    objects.map(({ object }) => object),
  );
  return objects.length;
}

/** Bytes that a late charge is for. */
const LATE_BYTES = 200;

/**
 * The running task has found out who pays for an allocation, and the charge comes only so many ns later, as if reclaim had come in
 * between (5.9).
 */
export function* labChargeLate(cpu: Cpu, _task: TaskRecord, ns: number): Coroutine<number> {
  const payer = cpu.accountedMemcg();
  const objcg = payer === 0 ? 0 : yield* call(getObjCgroup, cpu, payer);
  if (objcg === 0) return EINVAL;
  yield* call(hrtimerNanosleep, cpu, ns);
  if (yield* call(objCgroupCharge, cpu, objcg, LATE_BYTES)) yield* call(refillObjStock, cpu, objcg, LATE_BYTES);
  yield* call(objCgroupPut, cpu, objcg);
  return 0;
}

/** Have the next allocations fail that may not wait. */
export function* labFailslab(cpu: Cpu, _task: TaskRecord, times: number): Coroutine<number> {
  yield* call(failslab, cpu, times);
  return 0;
}

/** Memory becomes so short that an allocation that may sleep does so for `us` µs, or plentiful again with 0. */
export function* labMemoryShort(cpu: Cpu, _task: TaskRecord, us: number): Coroutine<number> {
  yield* call(makeMemoryShort, cpu, us);
  return 0;
}

/** Keep this CPU busy in the kernel for so many ns. */
export function* labBusy(_cpu: Cpu, _task: TaskRecord, ns: number): Coroutine<number> {
  yield* work(ns);
  return 0;
}

const childCaches = defineHandler('lab.childCaches', (node, _args: null): { caches: number; pages: number } => {
  const { caches } = node.published;
  const isChild = (cache: Handle): boolean => caches.isCurrent(cache) && caches.read(cache, CacheField.root) !== 0;
  const live = node.caches.entries().filter(([cache]) => isChild(cache)).length;
  let pages = 0;
  for (const [, { cache, order }] of node.pages.entries()) if (isChild(cache)) pages += 2 ** order;
  return { caches: live, pages };
});

/** How many caches of memcgs there are, and how many pages their slabs have: two numbers. */
export function* labChildCaches(cpu: Cpu): Coroutine<string> {
  const counts = yield* requestAll(cpu.allNodes, childCaches, null);
  const sum = (field: 'caches' | 'pages'): number => counts.reduce((total, count) => total + count[field], 0);
  return `${sum('caches')} ${sum('pages')}`;
}

/** Record a duration that a program has measured, ns of the machine's clock. */
// biome-ignore lint/correctness/useYield: a system call like the others
export function* labRecord(cpu: Cpu, _task: TaskRecord, name: string, ns: number): Coroutine<number> {
  cpu.durations.record(name, ns);
  return 0;
}

interface CensusOfNode {
  readonly dying: number;
  readonly caches: number;
  readonly directories: number;
  readonly slotStores: number;
}

const census = defineHandler(
  'lab.census',
  (node, _args: null): CensusOfNode => ({
    dying: node.dyingMemcgs,
    caches: node.caches.live,
    directories: node.slabKset.ofMemcgs('').length,
    slotStores: node.slotStores,
  }),
);

/**
 * How many removed memcgs have not been freed, how many caches exist, how many memcg caches have a directory in sysfs, and how
 * often a cache was put into a slot of its root's array, or taken out, as at its memcg's offline: four numbers.
 */
export function* labCensus(cpu: Cpu): Coroutine<string> {
  const counts = yield* requestAll(cpu.allNodes, census, null);
  const sum = (field: keyof CensusOfNode): number => counts.reduce((total, count) => total + count[field], 0);
  return `${sum('dying')} ${sum('caches')} ${sum('directories')} ${sum('slotStores')}`;
}

const childDirectories = defineHandler('lab.childDirectories', (node, args: { root: string }): string[] =>
  node.slabKset.ofMemcgs(args.root),
);

/** Directories below /sys/kernel/slab of the children of a root cache, as a listing would show them: a line each. */
export function* labChildDirectories(_cpu: Cpu, _task: TaskRecord, root: string): Coroutine<string> {
  return (yield* request(BOOT_NODE, childDirectories, { root })).join('\n');
}
