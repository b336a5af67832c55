import { type Coroutine, call, work } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../cgroup/css-ref.js';
import type { Cpu } from '../cpu.js';
import { walk } from '../fs/namei.js';
import { EINVAL, ENOENT, ENOMEM } from '../fs/types.js';
import { memallocUnuseMemcg, memallocUseMemcg } from '../mm/memcontrol/active-memcg.js';
import { doAnonymousPage, mmapRegion, unmapArea } from '../mm/mmap.js';
import type { TaskRecord } from '../sched/task.js';

const ENOSYS = -38;

/** mmap(2) of private memory. Evaluates to the area's number. */
export function* sysMmap(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  return (yield* call(mmapRegion, cpu, task)) || ENOMEM;
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

/** A write to the first page of a private area. */
export function* touchArea(cpu: Cpu, task: TaskRecord, area: number): Coroutine<number> {
  const mapped = task.areas[area];
  if (mapped === undefined) return EINVAL;
  return (yield* call(doAnonymousPage, cpu, task, mapped)) ? 0 : ENOMEM;
}

/** munmap(2) of a whole area. */
export function* sysMunmap(cpu: Cpu, task: TaskRecord, area: number): Coroutine<number> {
  if (task.areas[area] === undefined) return EINVAL;
  yield* work(cpu.costs['vfs.operation']);
  yield* call(unmapArea, cpu, task, area);
  return 0;
}
