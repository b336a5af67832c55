import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { MappedArea, TaskRecord } from '../sched/task.js';
import { freeObject, takeObject } from './slab-common/objects.js';

/**
 * reusable_anon_vma: that of a neighbour which has been written and not been through a fork; 0 if there is none. The areas
 * of a task of the model are all neighbours.
 */
const reusable = ({ areas }: TaskRecord): number =>
  Object.values(areas).find(({ anon, chains, vma }) => anon !== 0 && (vma === null || chains.length === 1))?.anon ?? 0;

/** anon_vma_prepare: before the first page of a private area; evaluates to false if memory is denied. */
export function* anonVmaPrepare(cpu: Cpu, task: TaskRecord, area: MappedArea): Coroutine<boolean> {
  if (area.anon !== 0) return true;
  const chain = yield* call(takeObject, cpu, 'anon_vma_chain');
  if (chain === null) return false;
  const anon = reusable(task) || (yield* call(anonVmaAlloc, cpu, task));
  if (anon === 0) {
    yield* call(freeObject, cpu, chain);
    return false;
  }
  (task.anons[anon] as { users: number }).users++;
  area.anon = anon;
  area.chains.push(chain);
  return true;
}

/** Evaluates to the number of a new anon_vma of the task that nothing uses yet; 0 if memory is denied. */
function* anonVmaAlloc(cpu: Cpu, task: TaskRecord): Coroutine<number> {
  const object = yield* call(takeObject, cpu, 'anon_vma');
  if (object === null) return 0;
  const anon = task.nextAnon++;
  task.anons[anon] = { object, users: 0 };
  return anon;
}

/** anon_vma_fork: the child's area hangs on the parent's anon_vma and on one of its own. Evaluates to false if memory is denied. */
export function* anonVmaFork(cpu: Cpu, child: TaskRecord, area: MappedArea, chains: number): Coroutine<boolean> {
  for (let n = 0; n < chains; n++) {
    const cloned = yield* call(takeObject, cpu, 'anon_vma_chain');
    if (cloned === null) return false;
    area.chains.push(cloned);
  }
  const anon = yield* call(anonVmaAlloc, cpu, child);
  const own = anon === 0 ? null : yield* call(takeObject, cpu, 'anon_vma_chain');
  if (own === null) return false;
  area.chains.push(own);
  area.anon = anon;
  (child.anons[anon] as { users: number }).users++;
  return true;
}

/** unlink_anon_vmas: the chains, and the anon_vma with its last user. The objects go at once; only their pages wait for RCU. */
export function* unlinkAnonVmas(cpu: Cpu, task: TaskRecord, area: MappedArea): Coroutine<void> {
  for (const chain of area.chains.splice(0)) yield* call(freeObject, cpu, chain);
  const anon = task.anons[area.anon];
  if (anon === undefined || --anon.users > 0) return;
  delete task.anons[area.anon];
  if (anon.object !== null) yield* call(freeObject, cpu, anon.object);
}
