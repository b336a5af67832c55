import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, wait, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { Trace } from '../../tracepoints.js';
import { queueNewWork } from '../../workqueue/workqueue.js';
import { describeCache } from '../slab-common/create.js';
import { slabKmemCacheRelease } from '../slab-common/destroy.js';

/** Answers with a cache that has one of the names already, 0 if the directory was added. */
const addDirectory = defineHandler(
  'sysfs.add',
  (node, args: { cache: Handle; memcg: Handle; path: string; link: string }): Handle =>
    node.slabKset.add(args.cache, args.memcg, args.path, args.link)
      ? 0
      : node.slabKset.holderOf([args.path, args.link]),
);

/** Answers 'none' if the cache has no directory (any more), else whether somebody reads or writes a file of it now. */
const removeDirectory = defineHandler(
  'sysfs.remove',
  (node, args: { cache: Handle; link: string; waiter: number }): 'none' | 'removed' | 'busy' => {
    const had = node.slabKset.of(args.cache) !== undefined;
    const kobject = node.slabKset.remove(args.cache, args.link);
    if (kobject === undefined) return had ? 'removed' : 'none';
    if (kobject.active === 0) return 'removed';
    kobject.waiter = args.waiter;
    return 'busy';
  },
);

const countReference = defineHandler('sysfs.count', (node, args: { cache: Handle; by: number }): number =>
  node.slabKset.count(args.cache, args.by),
);

/** kobject_uevent: somebody in user space is told. */
function* kobjectUevent(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('kobject_uevent');
  yield* work(cpu.costs['kobject.uevent']);
}

/** sysfs_slab_add (mm/slub.c 4.10): the cache's directory and its files. False if the name is taken. Caller holds slab_mutex. */
export function* sysfsSlabAdd(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  const record = yield* request(homeOf(cache), describeCache, { cache }, cache);
  const directory = cpu.build.policies.slub.directoryOf(cpu, record);
  if (directory === null) return true;
  yield* work(cpu.costs['sysfs.directory']);
  const holder = yield* request(BOOT_NODE, addDirectory, { cache, memcg: record.memcg, ...directory });
  const added = holder === 0;
  cpu.trace(Trace.sysfsAdd, cache, holder, 0, 0);
  cpu.counters.add(added ? 'sysfs_slab_add' : 'sysfs_slab_add.failed');
  if (added) yield* call(kobjectUevent, cpu);
  return added;
}

/** kobject_del: the directory goes now, if it has not gone before, and whoever reads or writes a file of it is waited for. May sleep. */
function* kobjectDel(cpu: Cpu, cache: Handle): Coroutine<void> {
  const record = yield* request(homeOf(cache), describeCache, { cache }, cache);
  const link = cpu.build.policies.slub.directoryOf(cpu, record)?.link ?? '';
  const waiter = cpu.newWaiter();
  const state = yield* request(BOOT_NODE, removeDirectory, { cache, link, waiter });
  if (state === 'busy') yield* wait(waiter);
  else cpu.dropWaiter(waiter);
  if (state === 'none') return;
  cpu.trace(Trace.sysfsRemove, cache, 0, 0, 0);
  cpu.counters.add('sysfs_slab_remove');
  yield* call(kobjectUevent, cpu);
  yield* work(cpu.costs['sysfs.directory'] / 2);
}

/** sysfs_slab_remove (4.10): uevent and kobject_del. No lock is held. */
export function* sysfsSlabRemove(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (cpu.published.slabFull) yield* call(kobjectDel, cpu, cache);
}

/**
 * sysfs_slab_remove since 4.12: a work item removes the directory, and refers to the cache until then. Called when a memcg's
 * cache is found empty at its deactivation, and again when it is shut down; the first one wins.
 */
export function* queueSysfsRemoval(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (!cpu.published.slabFull) return;
  yield* request(BOOT_NODE, countReference, { cache, by: 1 });
  yield* call(queueNewWork, cpu, 'system_wq', 'sysfs_slab_remove_workfn', cache);
}

/** The item that removes a cache's directory has been taken up; whoever shut the cache down may be long back (V4-c). */
export const REMOVAL_STARTED = definePoint('sysfs_slab_remove_workfn:started');

defineFunction('work', 'sysfs_slab_remove_workfn', function* sysfsSlabRemoveWorkfn(cpu, cache) {
  if (cpu.instrumented) {
    const gone = () => !cpu.published.caches.isCurrent(cache);
    yield* call(preemptionPoint, cpu, REMOVAL_STARTED, cache, { changed: gone, gone });
  }
  yield* call(kobjectDel, cpu, cache);
  yield* call(slabKmemCacheRelease, cpu, cache);
});

/**
 * sysfs_slab_unlink (5.2): kobject_del, so that nobody finds the directory of a cache that was shut down; its name is free. Caller
 * holds slab_mutex.
 */
export function* sysfsSlabUnlink(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (cpu.build.policies.slub.unlinksAtShutdown) yield* call(sysfsSlabRemove, cpu, cache);
}

/**
 * sysfs_slab_release (4.12): kobject_put of the cache's own reference. False if the work item that removes the directory still
 * refers to the cache.
 */
export function* sysfsSlabRelease(cpu: Cpu, cache: Handle): Coroutine<boolean> {
  const { directoryGoes } = cpu.build.policies.slub;
  if (directoryGoes === 'release') yield* call(sysfsSlabRemove, cpu, cache);
  if (directoryGoes !== 'work') return true;
  return (yield* request(BOOT_NODE, countReference, { cache, by: -1 })) < 0;
}
