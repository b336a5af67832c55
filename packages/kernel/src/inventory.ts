import type { Handle } from '@kmemlab/machine';
import type { Stocked } from './mm/memcontrol/cpu-stock.js';
import type { KmemState } from './mm/memcontrol/types.js';
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
  /** Per css: handle, parent, 1 if of the memory controller, number of its kmem state in `KMEM_STATES`. */
  readonly csses: readonly number[];
  /** Per cache: handle, memcg, limit, batchcount, shared. */
  readonly caches: readonly number[];
  readonly pagesInUse: number;
  /** Pages of slabs that are charged to a memcg. */
  readonly memcgPages: number;
  /** Per CPU with charged pages in stock: css, pages. */
  readonly stocks: readonly number[];
  /** Boot node: handles of the memcg caches in the list of caches. */
  readonly listed: readonly number[];
}

/** Values in each row of the arrays of an inventory. */
export const INVENTORY_ROWS = { users: 4, csses: 4, caches: 5, stocks: 2 } as const;

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

/** What exists on a node now; `stocks` are those of its CPUs. Nothing in the machine notices. */
export function inventoryOf(node: KernelNode, stocks: readonly Stocked[]): NodeInventory {
  const csses: number[] = [];
  const caches: number[] = [];
  for (const [handle, { parent, memcg }] of node.csses.entries()) {
    csses.push(handle, parent, memcg === null ? 0 : 1, memcg === null ? 0 : KMEM_STATES.indexOf(memcg.kmemState));
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
    csses,
    caches,
    pagesInUse: node.pagesInUse,
    memcgPages,
    stocks: stocks.filter(({ pages }) => pages > 0).flatMap(({ css, pages }) => [css, pages]),
    listed: cacheList.roots().flatMap((root) => cacheList.childrenOf(root)),
  };
}
