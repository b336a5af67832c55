import { type Coroutine, call, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { KernelNode } from '../node.js';
import { defineHandler } from '../registry.js';
import { GLOBAL_LIST, type ListLruNode } from './list-lru.js';

/** DEFAULT_SEEKS: what it costs to make an object again, in seeks. */
const SEEKS = 2;
/** drop_slab_node goes on while a round frees more than this. */
const DROP_AGAIN = 10;
/** nr_scanned and nr_eligible of drop_slab_node. */
const DROP_SCAN = 1000;

/** What a shrinker is to look at: one node's objects of one memcg (shrink_control). */
export interface ShrinkControl {
  readonly node: number;
  /** kmemcg_id of the memcg, GLOBAL_LIST for the root and for what is not accounted. */
  readonly id: number;
}

/** A registered pair of callbacks that frees objects nobody uses (struct shrinker, 4.10, memcg-aware). */
export interface Shrinker {
  readonly batch: number;
  /** The list_lru whose nr_deferred is this shrinker's, on a node. */
  readonly lru: (node: KernelNode) => ListLruNode;
  /** count_objects. */
  readonly count: (cpu: Cpu, control: ShrinkControl) => Coroutine<number>;
  /** scan_objects: look at this many objects; evaluates to the number freed. */
  readonly scan: (cpu: Cpu, control: ShrinkControl, count: number) => Coroutine<number>;
}

const shrinkers: Shrinker[] = [];

/** register_shrinker; at module load, in the same order in every process. */
export function registerShrinker(shrinker: Shrinker): void {
  shrinkers.push(shrinker);
}

const takeDeferred = defineHandler('shrinker.takeDeferred', (node, args: { shrinker: number }): number => {
  const lru = (shrinkers[args.shrinker] as Shrinker).lru(node);
  const { deferred } = lru;
  lru.deferred = 0;
  return deferred;
});

const addDeferred = defineHandler('shrinker.addDeferred', (node, args: { shrinker: number; count: number }): void => {
  (shrinkers[args.shrinker] as Shrinker).lru(node).deferred += args.count;
});

/** Lists of this node that are not empty, by kmemcg_id: a walk of all memcgs visits only these. */
export const listsInUse = defineHandler('shrinker.lists', (node, _args: null): number[] => {
  const ids = new Set(shrinkers.flatMap((shrinker) => shrinker.lru(node).ids));
  return [...ids].sort((a, b) => a - b);
});

/**
 * do_shrink_slab (mm/vmscan.c 4.10): as many objects as `scanned` pages of `eligible` ones call for, in batches; what is left of it
 * is put off to the next time. Evaluates to the number of objects freed.
 */
function* doShrinkSlab(
  cpu: Cpu,
  number: number,
  control: ShrinkControl,
  scanned: number,
  eligible: number,
): Coroutine<number> {
  const shrinker = shrinkers[number] as Shrinker;
  const freeable = yield* call(shrinker.count, cpu, control);
  if (freeable === 0) return 0;
  const deferred = yield* request(control.node, takeDeferred, { shrinker: number });
  const delta = Math.floor((((4 * scanned) / SEEKS) * freeable) / (eligible + 1));
  let left = deferred + delta;
  if (delta < freeable / 4) left = Math.min(left, Math.floor(freeable / 2));
  left = Math.min(left, 2 * freeable);
  let freed = 0;
  while (left >= shrinker.batch || left >= freeable) {
    const count = Math.min(shrinker.batch, left);
    freed += yield* call(shrinker.scan, cpu, control, count);
    left -= count;
  }
  if (left > 0) yield* request(control.node, addDeferred, { shrinker: number, count: left });
  return freed;
}

/** shrink_slab (4.10): every shrinker for one node and memcg; evaluates to the number of objects freed. Process context. */
export function* shrinkSlab(cpu: Cpu, control: ShrinkControl, scanned: number, eligible: number): Coroutine<number> {
  let freed = 0;
  for (let number = 0; number < shrinkers.length; number++) {
    freed += yield* call(doShrinkSlab, cpu, number, control, scanned, eligible);
  }
  return freed;
}

/** drop_slab_node (4.10): the root memcg, then all others, again and again while it is worth it. */
function* dropSlabNode(cpu: Cpu, node: number): Coroutine<void> {
  for (;;) {
    let freed = 0;
    const ids = yield* request(node, listsInUse, null);
    for (const id of new Set([GLOBAL_LIST, ...ids])) {
      freed += yield* call(shrinkSlab, cpu, { node, id }, DROP_SCAN, DROP_SCAN);
    }
    if (freed <= DROP_AGAIN) return;
  }
}

/** drop_slab (4.10). */
export function* dropSlab(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('drop_slab');
  for (const node of cpu.allNodes) yield* call(dropSlabNode, cpu, node);
}
