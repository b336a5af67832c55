import { type Handle, pageOf } from '@kmemlab/machine';
import { slabItemOf, sumsByItem } from './mm/memcontrol/lruvec-counters.js';
import type { KmemState } from './mm/memcontrol/types.js';
import { retainedOn } from './mm/slub/retained.js';
import type { KernelNode } from './node.js';
import { CacheField } from './published-state.js';

/**
 * What exists on one node, as flat rows of numbers, so that it can travel in a message: enough to tell which memcgs and
 * caches live on, what holds them, and how much memory they take.
 */
export interface NodeInventory {
  readonly node: number;
  /** Per cache that a dentry or inode of this node came from: cache, negative dentries, other dentries, inodes. */
  readonly users: readonly number[];
  /** Per memcg cache that kmalloc'ed memory of a cgroup or of the terminal came from: cache, objects. */
  readonly kmallocs: readonly number[];
  /** Per memcg cache with slabs on this node: cache, slabs. */
  readonly slabs: readonly number[];
  /** Per css: handle, parent, 1 if of the memory controller, number of its kmem state in `KMEM_STATES`, 1 if its cgroup was removed. */
  readonly csses: readonly number[];
  /** Per cache: handle, memcg, limit, batchcount, shared. */
  readonly caches: readonly number[];
  /** With SLUB, per cache of which this node or its CPUs keep slabs: cache, CPUs with a slab, slabs on their partial lists, empty slabs. */
  readonly retained: readonly number[];
  readonly pagesInUse: number;
  /** Pages of slabs that are charged to a memcg. */
  readonly memcgPages: number;
  /** Per memcg: css, the memcg whose counters contain its own, pages by `slabItems` in its recursive slab statistics. */
  readonly slabStatistics: readonly number[];
  /** Per memcg of which this node's CPUs hold statistics back: css, pages by `slabItems`. */
  readonly heldBack: readonly number[];
  /** Per memcg cache with pages on this node: cache, pages by `slabItems`. */
  readonly slabPages: readonly number[];
  /** Per memcg with pages that are no slab: css, blocks of user pages, blocks of kernel memory. */
  readonly chargedPages: readonly number[];
  /** Per CPU whose stock holds a memcg: css, references. */
  readonly stocks: readonly number[];
  /** CPUs that are down and whose stock still has an obj_cgroup (5.9). */
  readonly deadStocks: number;
  /** Slab blocks that hold each other by the vectors of their objects' owners, or themselves: they never become empty (5.9). */
  readonly heldVectors: number;
  /** Boot node: handles of the memcg caches in the list of caches. */
  readonly listed: readonly number[];
  /** Of these, those that are in no slot: their memcg is offline, or they have been handed on to another. */
  readonly outOfSlot: readonly number[];
}

/** Values in each row of the arrays of an inventory. */
export const INVENTORY_ROWS = {
  users: 4,
  kmallocs: 2,
  slabs: 2,
  csses: 5,
  caches: 5,
  stocks: 2,
  retained: 4,
  chargedPages: 3,
  slabStatistics: 4,
  heldBack: 3,
  slabPages: 3,
} as const;

/** kmem states by the number that stands for them. */
export const KMEM_STATES: readonly KmemState[] = ['none', 'online', 'allocated'];

/** Who holds a cache on this node, by cache. */
function usersOf(node: KernelNode): number[] {
  const rows = new Map<Handle, [number, number, number]>();
  const count = (cache: Handle, column: 0 | 1 | 2): void => {
    const row = rows.get(cache) ?? [0, 0, 0];
    row[column]++;
    rows.set(cache, row);
  };
  for (const [, dentry] of node.dentries.entries()) count(dentry.cache, dentry.inode === 0 ? 0 : 1);
  for (const [, inode] of node.inodes.entries()) count(inode.cache, 2);
  return [...rows].flatMap(([cache, row]) => [cache, ...row]);
}

/** The memcg of a CPU's stock, and how many references on it the stock holds. */
export interface StockHold {
  readonly css: Handle;
  readonly refs: number;
}

function kmallocsOf({ published, cgroupMemory, ttyBuffer }: KernelNode): number[] {
  const rows = new Map<Handle, number>();
  const held = [...cgroupMemory.values()].flatMap(({ structures, files }) => [...structures, ...files]);
  for (const { cache } of ttyBuffer === null ? held : [...held, ttyBuffer]) {
    if (published.caches.read(cache, CacheField.memcg) !== 0) rows.set(cache, (rows.get(cache) ?? 0) + 1);
  }
  return [...rows].flat();
}

const slabsOf = ({ published, slabNodes }: KernelNode): number[] =>
  [...slabNodes].flatMap(([cache, { totalSlabs }]) =>
    totalSlabs > 0 && published.caches.read(cache, CacheField.memcg) !== 0 ? [cache, totalSlabs] : [],
  );

/** Charged pages that are no slab, by memcg. */
function chargedPagesOf({ pages }: KernelNode): number[] {
  const rows = new Map<Handle, [user: number, kernel: number]>();
  for (const [, { list, memcg, use }] of pages.entries()) {
    if (list !== 'used' || memcg === 0) continue;
    const row = rows.get(memcg) ?? [0, 0];
    row[use === 'anon' || use === 'file' ? 0 : 1]++;
    rows.set(memcg, row);
  }
  return [...rows].flatMap(([memcg, row]) => [memcg, ...row]);
}

/** Pages of the slabs of memcg caches, by cache. */
function slabPagesOf({ pages, published }: KernelNode): number[] {
  const rows = new Map<Handle, [reclaimable: number, unreclaimable: number]>();
  for (const [, { cache, order }] of pages.entries()) {
    if (cache === 0 || published.caches.read(cache, CacheField.memcg) === 0) continue;
    const row = rows.get(cache) ?? [0, 0];
    row[slabItemOf(published, cache) === 'reclaimable' ? 0 : 1] += 2 ** order;
    rows.set(cache, row);
  }
  return [...rows].flatMap(([cache, row]) => [cache, ...row]);
}

const slabStatisticsOf = ({ csses }: KernelNode): number[] =>
  csses
    .entries()
    .flatMap(([css, { memcg }]) =>
      memcg === null ? [] : [css, memcg.counterParent, ...sumsByItem(memcg.vm.slab.recursive)],
    );

const heldBackOf = ({ lruvecs }: KernelNode): number[] =>
  [...lruvecs.memcgs()].flatMap((css) => [css, ...sumsByItem(lruvecs.heldBack(css))]);

/** Blocks that hold each other by their vectors, or themselves. */
function heldVectorsOf({ objVectors }: KernelNode): number {
  const holds = (page: Handle): Handle => pageOf(objVectors.get(page)?.object ?? 0);
  return [...objVectors.keys()].filter((page) => holds(holds(page)) === page).length;
}

/** Children of a root, as the boot node lists them, that are in no slot. */
export function outOfSlotOf({ published, cacheList }: KernelNode, root: Handle): Handle[] {
  const array = published.caches.read(root, CacheField.memcgCaches);
  const inSlots = new Set<Handle>();
  for (let id = 0; id < published.memcgArrays.lengthOf(array); id++) inSlots.add(published.memcgArrays.read(array, id));
  return cacheList.childrenOf(root).filter((cache) => !inSlots.has(cache));
}

/** What exists on a node now; `stocks` are those of its CPUs. Nothing in the machine notices. */
export function inventoryOf(node: KernelNode, stocks: readonly StockHold[]): NodeInventory {
  const csses: number[] = [];
  const caches: number[] = [];
  for (const [handle, { parent, memcg, self }] of node.csses.entries()) {
    const removed = node.csses.peek(self)?.cgroup?.dead === true ? 1 : 0;
    csses.push(handle, parent, ...(memcg === null ? [0, 0] : [1, KMEM_STATES.indexOf(memcg.kmemState)]), removed);
  }
  const { cacheList } = node;
  const { published } = node;
  for (const [handle, { memcg }] of node.caches.entries()) {
    const read = (field: number): number => published.caches.read(handle, field);
    caches.push(handle, memcg, read(CacheField.limit), read(CacheField.batchcount), read(CacheField.shared));
  }
  let memcgPages = 0;
  for (const [, { cache, memcg, order }] of node.pages.entries()) {
    if (memcg !== 0 || published.caches.read(cache, CacheField.memcg) !== 0) memcgPages += 2 ** order;
  }
  return {
    node: node.id,
    users: usersOf(node),
    kmallocs: kmallocsOf(node),
    slabs: slabsOf(node),
    csses,
    caches,
    retained: retainedOn(node),
    pagesInUse: node.pagesInUse,
    memcgPages,
    chargedPages: chargedPagesOf(node),
    slabStatistics: slabStatisticsOf(node),
    heldBack: heldBackOf(node),
    slabPages: slabPagesOf(node),
    stocks: stocks.filter(({ refs }) => refs > 0).flatMap(({ css, refs }) => [css, refs]),
    deadStocks: [...node.cpusDown].filter((cpu) => node.words(cpu).stock.objcg !== 0).length,
    heldVectors: heldVectorsOf(node),
    listed: cacheList.roots().flatMap((root) => cacheList.childrenOf(root)),
    outOfSlot: cacheList.roots().flatMap((root) => outOfSlotOf(node, root)),
  };
}
