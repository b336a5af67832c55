import { INVENTORY_ROWS, KMEM_STATES, type NodeInventory, slabItems } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Finding } from '@kmemlab/results';
import { rowsOf } from './rows.js';

/** Number of the kmem state of a memcg that is offline. */
const OFFLINE = KMEM_STATES.indexOf('allocated');

/** Pages by `slabItems`. */
type Pages = [reclaimable: number, unreclaimable: number];

/** Slab pages that belong to each memcg by their caches, and what CPUs have yet to pass on of its statistics. */
interface Known {
  readonly pages: ReadonlyMap<Handle, Pages>;
  readonly heldBack: ReadonlyMap<Handle, Pages>;
}

function add(to: Map<Handle, Pages>, memcg: Handle, reclaimable: number, unreclaimable: number): void {
  const [r, u] = to.get(memcg) ?? [0, 0];
  to.set(memcg, [r + reclaimable, u + unreclaimable]);
}

function knownOf(inventories: readonly NodeInventory[]): Known {
  const memcgs = new Map<Handle, Handle>();
  for (const { caches } of inventories) {
    for (const [cache = 0, memcg = 0] of rowsOf(caches, INVENTORY_ROWS.caches)) memcgs.set(cache, memcg);
  }
  const pages = new Map<Handle, Pages>();
  const heldBack = new Map<Handle, Pages>();
  for (const inventory of inventories) {
    for (const [cache = 0, r = 0, u = 0] of rowsOf(inventory.slabPages, INVENTORY_ROWS.slabPages)) {
      add(pages, memcgs.get(cache) ?? 0, r, u);
    }
    for (const [css = 0, r = 0, u = 0] of rowsOf(inventory.heldBack, INVENTORY_ROWS.heldBack)) add(heldBack, css, r, u);
  }
  return { pages, heldBack };
}

/** What each memcg and all that are counted in it have together. */
function withThoseBelow(
  own: ReadonlyMap<Handle, Pages>,
  parents: ReadonlyMap<Handle, Handle>,
): ReadonlyMap<Handle, Pages> {
  const sums = new Map<Handle, Pages>();
  for (const [memcg, pages] of own) {
    for (let css = memcg; css !== 0; css = parents.get(css) ?? 0) add(sums, css, ...pages);
  }
  return sums;
}

/** Online memcgs but the root, which does not count out what it has taken over from others (5.3). */
function onlineMemcgs(inventories: readonly NodeInventory[]): Set<Handle> {
  const online = new Set<Handle>();
  for (const { csses } of inventories) {
    for (const [css = 0, parent = 0, memory, state] of rowsOf(csses, INVENTORY_ROWS.csses)) {
      if (memory === 1 && parent !== 0 && state !== OFFLINE) online.add(css);
    }
  }
  return online;
}

/**
 * By how many pages the slab statistics of online memcgs are off: what each says, with what CPUs hold back of it and of all that are
 * counted in it, against the slabs of their caches.
 */
export function statisticsDrift(inventories: readonly NodeInventory[]): Finding[] {
  const statistics = inventories.flatMap((inventory) => [
    ...rowsOf(inventory.slabStatistics, INVENTORY_ROWS.slabStatistics),
  ]);
  const known = knownOf(inventories);
  // A kernel that keeps none (3.14) has none that could be off.
  if (known.heldBack.size === 0 && !statistics.some(([, , ...shown]) => shown.some((count) => count !== 0))) return [];
  const parents = new Map(statistics.map(([css = 0, parent = 0]) => [css, parent]));
  const pages = withThoseBelow(known.pages, parents);
  const heldBack = withThoseBelow(known.heldBack, parents);
  const online = onlineMemcgs(inventories);
  const off: Record<string, number> = {};
  let count = 0;
  for (const [css = 0, , ...shown] of statistics.filter(([css = 0]) => online.has(css))) {
    for (const [item, name] of slabItems.entries()) {
      const drift = Math.abs((shown[item] ?? 0) + (heldBack.get(css)?.[item] ?? 0) - (pages.get(css)?.[item] ?? 0));
      if (drift === 0) continue;
      off[name] = (off[name] ?? 0) + drift;
      count += drift;
    }
  }
  if (count === 0) return [];
  return [
    {
      class: 'statistics-drift',
      count,
      pinnedBy: off,
      detail: 'pages by which slab statistics of memcgs differ from the slabs that they and those below them have',
    },
  ];
}
