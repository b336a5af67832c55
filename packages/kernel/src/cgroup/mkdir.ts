import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EEXIST, ENODEV, ENOMEM } from '../fs/types.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { readUseHierarchy } from '../mm/memcontrol/use-hierarchy.js';
import { defineHandler } from '../registry.js';
import { cssGet } from './css-ref.js';
import {
  addSubdirectory,
  adjustOnline,
  allocateCgroup,
  countCgroups,
  findSubdirectory,
  isLive,
  publishCss,
} from './handlers.js';
import { countBelow } from './stat.js';
import { allocateStructures } from './structures.js';
import type { CssPair } from './types.js';

const nextSerial = defineHandler('cgroup.nextSerial', (node, _args: null): number => ++node.cssSerial);

/**
 * cgroup_mkdir (4.10): under cgroup_mutex, allocate both css, make the memcg kmem-active (which may grow all
 * memcg_caches arrays under slab_mutex). Each css holds a reference on
 * its parent, and the memory css one on the cgroup. Evaluates to 0, -ENODEV if the parent is gone, -EEXIST, or -ENOMEM if
 * the parent may not be charged.
 */
export function* cgroupMkdir(cpu: Cpu, name: string, parent: CssPair): Coroutine<number> {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  const result = yield* call(mayCreate, name, parent.self);
  const created = result === 0 ? yield* call(cgroupCreate, cpu, name, parent) : result;
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  return created;
}

function* mayCreate(name: string, self: Handle): Coroutine<number> {
  if (!(yield* request(homeOf(self), isLive, { self }, self))) return ENODEV;
  return (yield* request(homeOf(self), findSubdirectory, { self, name }, self)) === null ? 0 : EEXIST;
}

function* cgroupCreate(cpu: Cpu, name: string, parent: CssPair): Coroutine<number> {
  yield* work(cpu.costs['cgroup.mkdir']);
  const { allocStatistics } = cpu.build.policies.memcg;
  const statisticsOwner = allocStatistics === null ? 0 : yield* call(allocStatistics, cpu, parent.memory);
  if (statisticsOwner < 0) return ENOMEM;
  const serial = yield* request(BOOT_NODE, nextSerial, null);
  const useHierarchy = yield* request(homeOf(parent.memory), readUseHierarchy, { css: parent.memory }, parent.memory);
  const counterParent = useHierarchy ? parent.memory : 0;
  const cacheListReady = cpu.build.policies.memcg.childCaches?.listReadyFrom === 'alloc';
  const counted = { counterParent, useHierarchy, statisticsOwner, cacheListReady };
  const pair = yield* request(cpu.node, allocateCgroup, { name, parent, serial, ...counted });
  yield* requestAll(cpu.allNodes, publishCss, { css: pair.self, parent: parent.self });
  yield* requestAll(cpu.allNodes, publishCss, { css: pair.memory, parent: parent.memory });
  yield* call(cssGet, cpu, pair.self);
  yield* call(cssGet, cpu, parent.self);
  yield* call(cssGet, cpu, parent.memory);
  yield* call(cpu.build.policies.memcg.online, cpu, pair.memory);
  yield* call(allocateStructures, cpu, pair.self);
  yield* request(homeOf(parent.memory), adjustOnline, { css: parent.memory, by: 1 }, parent.memory);
  yield* request(homeOf(parent.self), addSubdirectory, { self: parent.self, name, pair }, parent.self);
  yield* request(BOOT_NODE, countCgroups, { by: 1 });
  yield* call(countBelow, cpu, parent.self, { live: 1, dying: 0 });
  cpu.counters.add('memcg_created');
  return 0;
}
