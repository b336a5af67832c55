import { type Coroutine, call, type Handle, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { allocPagesNode, freePagesAt } from '../page-alloc.js';
import { addSlab, takeFromSlabs } from './node-handlers.js';

/**
 * ____cache_alloc_node (mm/slab.c 4.10): one object from a given node's slabs, past the per-CPU array: partial, then free
 * slabs, else a new slab on that node. Interrupts off. 0 if that node has no memory.
 */
export function* cacheAllocNode(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  const [object] = yield* request(node, takeFromSlabs, { cache, want: 1 }, cache);
  return object ?? (yield* call(growOn, cpu, cache, node));
}

/** A new slab on a given node, one object of it at once. */
function* growOn(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  const order = cpu.published.caches.read(cache, CacheField.order);
  cpu.irqRestore(false);
  const page = yield* call(allocPagesNode, cpu, order, node);
  const memcg = page === 0 ? -1 : yield* call(cpu.build.policies.memcg.chargeSlab, cpu, cache, order, page);
  if (page !== 0 && memcg < 0) yield* call(freePagesAt, cpu, page);
  cpu.irqSave();
  if (memcg < 0) return 0;
  const [object] = yield* request(node, addSlab, { cache, page, memcg, take: 1 }, cache);
  return object ?? 0;
}

/** fallback_alloc (4.10): this node has no memory left; try the others in turn. Interrupts off. */
export function* fallbackAlloc(cpu: Cpu, cache: Handle): Coroutine<ObjectRef> {
  for (let distance = 1; distance < cpu.topology.nodes; distance++) {
    const object = yield* call(cacheAllocNode, cpu, cache, (cpu.node + distance) % cpu.topology.nodes);
    if (object !== 0) return object;
  }
  return 0;
}
