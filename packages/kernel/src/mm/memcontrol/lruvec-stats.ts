import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineHandler } from '../../registry.js';
import { PAGE_SIZE } from '../page.js';
import { memCgroupTree } from './hierarchy.js';
import { placeOf, type SlabItem, slabItemOf, slabItems, sumsByItem } from './lruvec-counters.js';
import { objCgroupMemcg } from './obj-cgroup.js';

/** Shared part of a memcg's slab statistics, in the version's unit; the place is node × items + item. */
export interface LruvecStats {
  /** Of what the memcg's own CPUs' counters have passed on (lruvec_stat_local). */
  readonly local: number[];
  /** Of its own and its descendants' (lruvec_stat). */
  readonly recursive: number[];
}

const firstTouch = defineHandler('lruvec.firstTouch', (node, args: { memcg: Handle; pages: number }): void => {
  node.lruvecs.create(args.memcg, args.pages);
});

interface Change {
  readonly css: Handle;
  readonly node: number;
  readonly item: number;
  readonly pages: number;
}

/** Places up to this one come into being with it. */
function addAt(counts: number[], place: number, pages: number): void {
  while (counts.length <= place) counts.push(0);
  counts[place] = (counts[place] as number) + pages;
}

/** At one level; answers with the next one up. */
const addToLruvec = defineHandler('lruvec.add', (node, args: Change & { local: boolean }, context): Handle => {
  const { vm, counterParent } = node.memcg(args.css, context.step);
  const place = placeOf(args.node, args.item);
  if (args.local) addAt(vm.slab.local, place, args.pages);
  addAt(vm.slab.recursive, place, args.pages);
  return counterParent;
});

/**
 * mod_lruvec_state for slab: this CPU's counter of the memcg and node; beyond the version's batch what it holds goes to the
 * memcg and all its ancestors. Any context. The caller keeps the memcg from being freed.
 */
export function* modLruvecSlabState(
  cpu: Cpu,
  memcg: Handle,
  node: number,
  item: SlabItem,
  pages: number,
): Coroutine<void> {
  const { table, index } = cpu.ownWords.lruvecs;
  if (table.numberOf(memcg, node) === 0) yield* request(cpu.node, firstTouch, { memcg, pages: node }, memcg);
  const number = table.numberOf(memcg, node);
  const place = slabItems.indexOf(item);
  const held = table.read(number, index, place) + pages;
  const passedOn = Math.abs(held) > cpu.build.policies.reclaim.statBatch;
  table.write(number, index, place, passedOn ? 0 : held);
  if (passedOn) yield* call(propagate, memcg, { node, item: place, pages: held }, true);
}

/**
 * mod_objcg_state (5.9): an object of a cache comes to, or leaves, what an obj_cgroup pays for on the node of its block. It counts
 * for the memcg that the obj_cgroup stands for now, which may have inherited it.
 */
export function* modObjcgState(cpu: Cpu, objcg: Handle, cache: Handle, node: number, bytes: number): Coroutine<void> {
  rcuReadLock(cpu);
  const flags = cpu.irqSave();
  yield* call(modLruvecSlabState, cpu, objCgroupMemcg(cpu, objcg), node, slabItemOf(cpu.published, cache), bytes);
  cpu.irqRestore(flags);
  rcuReadUnlock(cpu);
}

/** Add to the memcg and every ancestor. */
function* propagate(memcg: Handle, change: Omit<Change, 'css'>, local: boolean): Coroutine<void> {
  for (let css = memcg; css !== 0; ) {
    css = yield* request(homeOf(css), addToLruvec, { css, ...change, local: local && css === memcg }, css);
  }
}

/** What the CPUs of one node hold back of a memcg's statistics, by place. */
const readHeldBack = defineHandler('lruvec.heldBack', (node, args: { css: Handle }): number[] =>
  node.lruvecs.heldBack(args.css),
);

function* heldBack(cpu: Cpu, css: Handle): Coroutine<number[]> {
  const byNode = yield* requestAll(cpu.allNodes, readHeldBack, { css });
  return (byNode[0] ?? []).map((_, place) => byNode.reduce((sum, pages) => sum + (pages[place] ?? 0), 0));
}

/**
 * memcg_flush_percpu_vmstats (5.3): add what all CPUs hold back to the memcg's and its ancestors' recursive statistics. It
 * leaves the CPUs' counters as they are, so a second flush adds the same again; with `slabOnly`, at offline, only the reclaimable item is
 * flushed, since the loop's upper index is exclusive. Process context.
 */
export function* memcgFlushPercpuVmstats(cpu: Cpu, css: Handle, slabOnly: boolean): Coroutine<void> {
  const held = yield* call(heldBack, cpu, css);
  for (const [place, pages] of held.entries()) {
    const item = place % slabItems.length;
    if (pages === 0 || (slabOnly && slabItems[item] !== 'reclaimable')) continue;
    yield* call(propagate, css, { node: Math.floor(place / slabItems.length), item, pages }, false);
  }
}

const readShared = defineHandler('lruvec.read', (node, args: { css: Handle }, context): number[] => [
  ...node.memcg(args.css, context.step).vm.slab.recursive,
]);

/**
 * The slab lines of memory.stat (cgroup v2), in bytes, of a memcg and all below it: up to 4.12 the exact sum over all CPUs, later
 * what the CPUs have passed on, 0 if that is less. The caller keeps the memcg from being freed.
 */
export function* readSlabStatistics(cpu: Cpu, css: Handle): Coroutine<Record<SlabItem, number>> {
  const places = [yield* request(homeOf(css), readShared, { css }, css)];
  if (cpu.build.policies.reclaim.statBatch === Number.POSITIVE_INFINITY) {
    for (const memcg of yield* call(memCgroupTree, css)) places.push(yield* call(heldBack, cpu, memcg));
  }
  const unit = cpu.build.policies.reclaim.slabUnit === 'bytes' ? 1 : PAGE_SIZE;
  const sums = places.map(sumsByItem);
  const total = (item: SlabItem): number => {
    const place = slabItems.indexOf(item);
    const counted = sums.reduce((sum, part) => sum + (part[place] ?? 0), 0);
    return Math.max(0, counted) * unit;
  };
  return { reclaimable: total('reclaimable'), unreclaimable: total('unreclaimable') };
}
