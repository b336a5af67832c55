import { type Coroutine, call, type Handle, homeOf, type ObjectRef, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { allocSlabPages, type ChargedPages } from '../slab-common/slab-pages.js';
import { thisCpuSlab } from './cpu-slab.js';
import { flushSlab } from './deactivate.js';
import { objectsIn, orderOf } from './geometry.js';
import type { KmemCacheCpu } from './kmem-cache-cpu.js';
import { getFreelist, getPartialNode, makeSlab } from './page-handlers.js';

/** NUMA_NO_NODE: an object of any node will do. */
const ANY_NODE = -1;
/** remote_node_defrag_ratio: so many times in 1024 other nodes are asked for partial slabs. */
export const REMOTE_NODE_DEFRAG_RATIO = 1000;

/**
 * slab_alloc (mm/slub.c 4.10) without the memcg hook: an object of exactly this cache, from whatever slab this CPU has.
 * Process context or softirq. 0 if there is no memory or the memcg may not be charged.
 */
export function* slubAlloc(cpu: Cpu, cache: Handle): Coroutine<ObjectRef> {
  return yield* call(slabAllocFrom, cpu, cache, ANY_NODE);
}

/** slab_alloc_node: the same from slabs of a given node only, as long as that has memory. */
export function* slubAllocNode(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  return yield* call(slabAllocFrom, cpu, cache, node);
}

function* slabAllocFrom(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  cpu.debt += cpu.costs['slab.fastPath'];
  const slab = cpu.ownWords.cpuSlabs.get(cache);
  if (slab !== undefined && slab.freelist.length > 0 && nodeMatches(slab, node))
    return slab.freelist.pop() as ObjectRef;
  const saved = cpu.irqSave();
  const object = yield* call(slowPath, cpu, cache, node);
  cpu.irqRestore(saved);
  return object;
}

const nodeMatches = ({ page }: KmemCacheCpu, node: number): boolean => node === ANY_NODE || homeOf(page) === node;

/** ___slab_alloc: with interrupts off, find a slab for this CPU: its own, its partial list, the nodes, a new one. */
function* slowPath(cpu: Cpu, cache: Handle, node: number): Coroutine<ObjectRef> {
  const slab = yield* call(thisCpuSlab, cpu, cache);
  do {
    if (slab.page === 0) continue;
    if (!nodeMatches(slab, node)) {
      yield* call(flushSlab, cpu, slab);
      continue;
    }
    if (slab.freelist.length === 0) {
      slab.freelist = yield* request(homeOf(slab.page), getFreelist, { page: slab.page }, slab.page);
    }
    if (slab.freelist.length > 0) return slab.freelist.pop() as ObjectRef;
    slab.page = 0;
  } while (takeCpuPartial(slab));
  const found = (yield* call(getPartial, cpu, slab, node)) || (yield* call(newSlab, cpu, slab, node));
  return found ? (slab.freelist.pop() as ObjectRef) : 0;
}

/** The first slab of this CPU's partial list becomes its slab; the others stay. */
function takeCpuPartial(slab: KmemCacheCpu): boolean {
  const next = slab.unpark();
  if (next === undefined) return false;
  slab.page = next.page;
  return true;
}

/** get_partial: partial slabs of the wanted node; if any will do, of this CPU's node, then mostly of the others, too. */
function* getPartial(cpu: Cpu, slab: KmemCacheCpu, node: number): Coroutine<boolean> {
  const near = node === ANY_NODE ? cpu.node : node;
  if (yield* call(getPartialFrom, cpu, slab, near, 0)) return true;
  if (node !== ANY_NODE || Math.floor(cpu.now()) % 1024 > REMOTE_NODE_DEFRAG_RATIO) return false;
  const beyond = cpu.published.caches.read(slab.cache, CacheField.minPartial);
  for (const far of nodesAfter(cpu, near)) if (yield* call(getPartialFrom, cpu, slab, far, beyond)) return true;
  return false;
}

function* getPartialFrom(cpu: Cpu, slab: KmemCacheCpu, node: number, beyond: number): Coroutine<boolean> {
  const { cache } = slab;
  const enough = Math.floor(cpu.published.caches.read(cache, CacheField.cpuPartial) / 2);
  const acquired = yield* request(node, getPartialNode, { cache, enough, beyond }, cache);
  if (acquired === null) return false;
  slab.page = acquired.page;
  slab.freelist = acquired.objects;
  for (const more of acquired.more) slab.park(more);
  return true;
}

/** The other nodes, the nearest first. */
const nodesAfter = (cpu: Cpu, node: number): number[] =>
  Array.from({ length: cpu.topology.nodes - 1 }, (_, distance) => (node + distance + 1) % cpu.topology.nodes);

/**
 * new_slab: pages from the wanted node, else from others; in blocks of the usual order, else of the smallest that holds an
 * object. Interrupts are on meanwhile; a slab that the CPU has got since goes back first.
 */
function* newSlab(cpu: Cpu, slab: KmemCacheCpu, node: number): Coroutine<boolean> {
  const { cache } = slab;
  cpu.irqRestore(false);
  const near = node === ANY_NODE ? cpu.node : node;
  const order = cpu.published.caches.read(cache, CacheField.order);
  const size = cpu.published.caches.read(cache, CacheField.objectSize);
  let num = cpu.published.caches.read(cache, CacheField.num);
  let charged = yield* call(pagesNear, cpu, cache, order, near);
  const least = orderOf(size);
  if (charged === null && least < order) {
    charged = yield* call(pagesNear, cpu, cache, least, near);
    num = objectsIn(least, size);
  }
  if (charged === null) {
    cpu.irqSave();
    return false;
  }
  const objects = yield* request(homeOf(charged.page), makeSlab, { cache, ...charged, num }, charged.page);
  cpu.irqSave();
  const now = yield* call(thisCpuSlab, cpu, cache);
  if (now.page !== 0) yield* call(flushSlab, cpu, now);
  now.page = charged.page;
  now.freelist = objects;
  return true;
}

function* pagesNear(cpu: Cpu, cache: Handle, order: number, near: number): Coroutine<ChargedPages | null> {
  for (const node of [near, ...nodesAfter(cpu, near)]) {
    const charged = yield* call(allocSlabPages, cpu, cache, order, node);
    if (charged !== null) return charged;
  }
  return null;
}
