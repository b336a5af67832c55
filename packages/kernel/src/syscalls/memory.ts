import { type Coroutine, call, work } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../cgroup/css-ref.js';
import type { Cpu } from '../cpu.js';
import { walk } from '../fs/namei.js';
import { EINVAL, ENOENT, ENOMEM } from '../fs/types.js';
import { memallocUnuseMemcg, memallocUseMemcg } from '../mm/memcontrol/active-memcg.js';
import { kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kmemCacheFree } from '../mm/slab-common/free.js';
import type { TaskRecord } from '../sched/task.js';

const ENOSYS = -38;

/** mmap(2) of private memory that merges with no neighbour: a vm_area_struct. Evaluates to the area's number. */
export function* sysMmap(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  const vma = yield* call(kmemCacheAlloc, cpu, 'vm_area_struct');
  if (vma.object === 0) return ENOMEM;
  const area = task.nextArea++;
  task.areas[area] = { vma: vma.object, vmaCache: vma.cache, chain: 0, chainCache: 0 };
  return area;
}

/**
 * Not a system call of Linux: mmap whose vm_area_struct is charged to the memcg of a cgroup directory, whoever calls. It stands for
 * what charges to another memcg in 4.19 and later: fanotify and inotify events go to the memcg of the group that listens.
 */
export function* labMmapCharged(cpu: Cpu, task: TaskRecord, path: string): Coroutine<number> {
  if (!cpu.build.policies.reclaim.remoteCharging) return ENOSYS;
  const place = yield* call(walk, cpu, task, path, false);
  if (typeof place === 'number') return place;
  const memcg = place.found?.memcg ?? 0;
  if (memcg === 0 || !(yield* call(cssTrygetOnline, cpu, memcg))) return ENOENT;
  memallocUseMemcg(cpu, memcg);
  const area = yield* call(sysMmap, cpu, task);
  memallocUnuseMemcg(cpu);
  yield* call(cssPut, cpu, memcg);
  return area;
}

/** First write to a private area: the page fault makes an anon_vma_chain; the anon_vma of a neighbour is reused. */
export function* touchArea(cpu: Cpu, task: TaskRecord, area: number): Coroutine<number> {
  const mapped = task.areas[area];
  if (mapped === undefined) return EINVAL;
  yield* work(cpu.costs['page.fault']);
  if (mapped.chain !== 0) return 0;
  const chain = yield* call(kmemCacheAlloc, cpu, 'anon_vma_chain');
  if (chain.object === 0) return ENOMEM;
  mapped.chain = chain.object;
  mapped.chainCache = chain.cache;
  return 0;
}

/** munmap(2) of a whole area. */
export function* sysMunmap(cpu: Cpu, task: TaskRecord, area: number): Coroutine<number> {
  const mapped = task.areas[area];
  if (mapped === undefined) return EINVAL;
  delete task.areas[area];
  yield* work(cpu.costs['vfs.operation']);
  if (mapped.chain !== 0) yield* call(kmemCacheFree, cpu, mapped.chainCache, mapped.chain);
  yield* call(kmemCacheFree, cpu, mapped.vmaCache, mapped.vma);
  return 0;
}
