import { type Coroutine, call, type Handle, nodeOfObject, type ObjectRef, pageOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { whilePinned } from '../slab-common/while-pinned.js';
import { retentionOf, thisCpuSlab } from './cpu-slab.js';
import { discardSlab, unfreezeSlabs } from './deactivate.js';
import type { CpuPartial, KmemCacheCpu } from './kmem-cache-cpu.js';
import { slabFreeTo } from './page-handlers.js';

/** put_cpu_partial between reading cpu_partial and the moment at which other CPUs see the slab on its list; preemption is off. */
export const READ_CPU_PARTIAL = definePoint('put_cpu_partial:read-cpu_partial');

/** slab_free (mm/slub.c 4.10): onto the private list if the object is of this CPU's slab, else to the object's slab. Any context. */
export function* slubFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  cpu.debt += cpu.costs['slab.fastPath'];
  const unpreempted = Number(cpu.build.policies.slub.freesUnpreempted);
  cpu.preemptCount += unpreempted;
  const slab = cpu.ownWords.cpuSlabs.get(cache) ?? (yield* call(thisCpuSlab, cpu, cache));
  if (slab.page === pageOf(object)) slab.freelist.push(object);
  else yield* call(whilePinned, cpu, cache, call(slowFree, cpu, cache, object));
  cpu.preemptCount -= unpreempted;
}

/** __slab_free: a full slab that gets a free object becomes this CPU's; an empty one may have to go. */
function* slowFree(cpu: Cpu, cache: Handle, object: ObjectRef): Coroutine<void> {
  const page = pageOf(object);
  const freed = yield* request(nodeOfObject(object), slabFreeTo, { object, retention: retentionOf(cpu) }, page);
  if (freed.to === 'freer') yield* call(putCpuPartial, cpu, cache, { page, free: freed.free });
  else if (freed.to === 'discard') yield* call(discardSlab, cpu, cache, freed.slab);
}

/**
 * put_cpu_partial: a slab that this CPU has just frozen joins its partial list, which is emptied first if it holds more than
 * cpu_partial objects. With cpu_partial 0 the list is emptied at once.
 */
function* putCpuPartial(cpu: Cpu, cache: Handle, parked: CpuPartial): Coroutine<void> {
  cpu.preemptCount++;
  const slab = yield* call(thisCpuSlab, cpu, cache);
  const most = cpu.published.caches.read(cache, CacheField.cpuPartial);
  if (cpu.instrumented) {
    const changed = () => cpu.published.caches.read(cache, CacheField.cpuPartial) !== most;
    const gone = () => !cpu.published.caches.isCurrent(cache);
    yield* call(preemptionPoint, cpu, READ_CPU_PARTIAL, cache, { changed, gone });
  }
  if (slab.partialObjects > most) yield* call(emptyCpuPartials, cpu, slab);
  slab.park(parked);
  if (most === 0) yield* call(emptyCpuPartials, cpu, slab);
  cpu.preemptCount--;
}

function* emptyCpuPartials(cpu: Cpu, slab: KmemCacheCpu): Coroutine<void> {
  const saved = cpu.irqSave();
  yield* call(unfreezeSlabs, cpu, slab.cache, () => slab.unpark());
  cpu.irqRestore(saved);
}
