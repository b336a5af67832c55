import { type Coroutine, call, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { EINVAL, ENOMEM } from '../fs/types.js';
import { doAnonymousPage, mmapRegion, unmapArea } from '../mm/mmap.js';
import type { TaskRecord } from '../sched/task.js';

/** mmap(2) of private memory. Evaluates to the area's number. */
export function* sysMmap(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  yield* work(cpu.costs['vfs.operation']);
  return (yield* call(mmapRegion, cpu, task)) || ENOMEM;
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
