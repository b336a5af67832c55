import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { type Defect, orDefect } from '../../defect.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { queueWork } from '../../workqueue/workqueue.js';

/**
 * INIT_WORK of the item that lies in a memcg cache and shares its memory with an RCU head; answers with the item. What ran by
 * it before has finished with it.
 */
const initCacheWork = defineHandler(
  'memcg.initCacheWork',
  (node, args: { cache: Handle; fn: string; defect: Defect | null }, context): Handle => {
    const touch = () => node.caches.get(args.cache, context.step);
    const record = args.defect === null ? touch() : orDefect(args.defect, touch);
    if (record.work !== 0) {
      node.trace(Trace.workFree, context.cpu, record.work, 0, 0, 0);
      node.works.release(record.work, context.step());
    }
    const { fn, cache } = args;
    record.work = node.works.allocate({ fn, data: cache, once: false, pending: false, lastCpu: -1 });
    return record.work;
  },
);

/**
 * Initialise a memcg cache's own work item and queue it on the version's workqueue for it. Any context.
 * @param defect by which the cache may be gone; null if something keeps it
 */
export function* queueCacheWork(cpu: Cpu, cache: Handle, fn: string, defect: Defect | null = null): Coroutine<void> {
  const work = yield* request(homeOf(cache), initCacheWork, { cache, fn, defect }, cache);
  yield* call(queueWork, cpu, cpu.build.policies.memcg.deactivationQueue, work);
}

/** What such an item does, under the hotplug locks and slab_mutex. */
export function* underSlabMutex(
  cpu: Cpu,
  cache: Handle,
  act: (cpu: Cpu, cache: Handle) => Coroutine<void>,
): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  yield* call(act, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
}
