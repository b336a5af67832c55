import { type Coroutine, call, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EINVAL, ENOMEM } from '../fs/types.js';
import { type ChargedPages, freeChargedPages } from '../mm/memcontrol/charge-page.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { kmallocLarge } from '../mm/slab-common/kmalloc.js';
import { freeObject, takeObject } from '../mm/slab-common/objects.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';
import { type WorkqueueName, workqueueNames } from '../workqueue/queues.js';
import { flushWorkqueue } from '../workqueue/workqueue.js';

/* Not system calls of Linux: what experiments do to the kernel, or must know of it, without a way through /proc. */

/** Flush a workqueue by name. */
export function* labFlushWorkqueue(cpu: Cpu, _task: TaskRecord, queue: string): Coroutine<number> {
  if (!workqueueNames.includes(queue)) return EINVAL;
  yield* call(flushWorkqueue, cpu, queue as WorkqueueName);
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

const keep = defineHandler('lab.keep', (node, args: Allocation): void => {
  node.keptObjects.push(args);
});

const takeKept = defineHandler('lab.takeKept', (node, args: { most: number }): Allocation[] =>
  node.keptObjects.splice(0, args.most),
);

/** Take one object of a named cache and leave it to labReclaim. */
export function* labKeepObject(cpu: Cpu, _task: TaskRecord, cache: string): Coroutine<number> {
  if (cpu.published.roots.get(cache) === 0) return EINVAL;
  const object = yield* call(takeObject, cpu, cache);
  if (object === null) return ENOMEM;
  yield* request(cpu.node, keep, object);
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
 * Free all that this CPU's node keeps for it, as a node's kswapd does through a shrinker. Evaluates to how
 * many objects that were.
 */
export function* labReclaim(cpu: Cpu): Coroutine<number> {
  let freed = 0;
  for (const pages of yield* request(cpu.node, takeKeptPages, null)) yield* call(freeChargedPages, cpu, pages);
  for (;;) {
    const objects = yield* request(cpu.node, takeKept, { most: BATCH });
    if (objects.length === 0) return freed;
    for (const object of objects) yield* call(freeObject, cpu, object);
    freed += objects.length;
  }
}

const census = defineHandler('lab.census', (node, _args: null): { dying: number; caches: number } => ({
  dying: node.dyingMemcgs,
  caches: node.caches.live,
}));

/** How many removed memcgs have not been freed, and how many caches exist: two numbers. */
export function* labCensus(cpu: Cpu): Coroutine<string> {
  const counts = yield* requestAll(cpu.allNodes, census, null);
  const sum = (field: 'dying' | 'caches'): number => counts.reduce((total, count) => total + count[field], 0);
  return `${sum('dying')} ${sum('caches')}`;
}
