import { type Coroutine, call, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { MappedArea, TaskRecord } from '../sched/task.js';
import { allocChargedPages, freeChargedPages } from './memcontrol/charge-page.js';
import { anonVmaFork, anonVmaPrepare, unlinkAnonVmas } from './rmap.js';
import { freeObject, takeObject } from './slab-common/objects.js';

/** mmap_region of private memory that merges with no neighbour: a vm_area_struct. Evaluates to the area's number, 0 if denied. */
export function* mmapRegion(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  const vma = yield* call(takeObject, cpu, 'vm_area_struct');
  if (vma === null) return 0;
  const area = task.nextArea++;
  task.areas[area] = { vma, chains: [], anon: 0, page: null };
  return area;
}

/** do_anonymous_page, or the copy of a page shared since a fork: the first write to an area. Evaluates to false if memory is denied. */
export function* doAnonymousPage(cpu: Cpu, task: TaskRecord, area: MappedArea): Coroutine<boolean> {
  yield* work(cpu.costs['page.fault']);
  if (area.page !== null) return true;
  if (!(yield* call(anonVmaPrepare, cpu, task, area))) return false;
  area.page = yield* call(allocChargedPages, cpu, 0, 'anon');
  return area.page !== null;
}

/** unmap_region of a whole area: page, chains, anon_vma, vm_area_struct. */
export function* unmapArea(cpu: Cpu, task: TaskRecord, number: number): Coroutine<void> {
  const area = task.areas[number];
  if (area === undefined) return;
  delete task.areas[number];
  if (area.page !== null) yield* call(freeChargedPages, cpu, area.page);
  yield* call(unlinkAnonVmas, cpu, task, area);
  if (area.vma !== null) yield* call(freeObject, cpu, area.vma);
}

/** dup_mmap: each area of the parent, in order; pages stay shared until they are written. Evaluates to false if memory is denied. */
export function* dupMmap(cpu: Cpu, parent: TaskRecord, child: TaskRecord): Coroutine<boolean> {
  for (const [number, area] of Object.entries(parent.areas)) {
    const vma = yield* call(takeObject, cpu, 'vm_area_struct');
    if (vma === null) return false;
    const copy: MappedArea = { vma, chains: [], anon: 0, page: null };
    child.areas[Number(number)] = copy;
    const chains = Math.max(1, area.chains.length);
    if (area.anon !== 0 && !(yield* call(anonVmaFork, cpu, child, copy, chains))) return false;
  }
  return true;
}

/** exit_mmap: everything that is mapped. */
export function* exitMmap(cpu: Cpu, task: TaskRecord): Coroutine<void> {
  for (const number of Object.keys(task.areas)) yield* call(unmapArea, cpu, task, Number(number));
}
