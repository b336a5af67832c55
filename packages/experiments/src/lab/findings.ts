import { INVENTORY_ROWS, KMEM_STATES, type NodeInventory, PAGE_SIZE } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Finding } from '@kmemlab/results';
import { rowsOf } from './rows.js';

/** Bytes of a kmem_cache_node, of an array_cache's head, and entries of an alien array. */
const NODE_BYTES = 120;
const ARRAY_BYTES = 16;
const ALIEN_ENTRIES = 12;
/** Bytes of a kmem_cache_cpu and of SLUB's kmem_cache_node. */
const CPU_SLAB_BYTES = 32;
const SLUB_NODE_BYTES = 64;

/** Number of the kmem state of a memcg that is offline. */
const OFFLINE = KMEM_STATES.indexOf('allocated');

/** Why each dying memcg still exists: the first that applies, in this order. */
type Pin =
  | 'offlinePending'
  | 'negativeDentry'
  | 'dentry'
  | 'inode'
  | 'kmalloc'
  | 'childCgroup'
  | 'cpuSlab'
  | 'cpuPartial'
  | 'retainedSlab'
  | 'userPages'
  | 'kmemPages'
  | 'stock'
  | 'freeObjects'
  | 'other';

/** memcg of each cache by its handle. */
function memcgByCache(inventories: readonly NodeInventory[]): Map<Handle, Handle> {
  const memcgs = new Map<Handle, Handle>();
  for (const { caches } of inventories) {
    for (const [cache = 0, memcg = 0] of rowsOf(caches, INVENTORY_ROWS.caches)) memcgs.set(cache, memcg);
  }
  return memcgs;
}

/** Removed memcgs that still exist, in the order of nodes, each with whether it has gone offline. */
function removedMemcgs(inventories: readonly NodeInventory[]): [memcg: Handle, offline: boolean][] {
  const found: [Handle, boolean][] = [];
  for (const { csses } of inventories) {
    for (const [css = 0, , memory, state, removed] of rowsOf(csses, INVENTORY_ROWS.csses)) {
      if (memory === 1 && removed === 1) found.push([css, state === OFFLINE]);
    }
  }
  return found;
}

const offlineMemcgs = (inventories: readonly NodeInventory[]): Handle[] =>
  removedMemcgs(inventories).flatMap(([memcg, offline]) => (offline ? [memcg] : []));

/** Number of caches of each memcg that has any, as the list of caches has them. */
function cachesByMemcg(inventories: readonly NodeInventory[], memcgs: ReadonlyMap<Handle, Handle>) {
  const counts = new Map<Handle, number>();
  for (const { listed } of inventories) {
    for (const cache of listed) {
      const memcg = memcgs.get(cache) ?? 0;
      if (memcg !== 0) counts.set(memcg, (counts.get(memcg) ?? 0) + 1);
    }
  }
  return counts;
}

/** Caches of offline memcgs. */
export function countDeadCaches(inventories: readonly NodeInventory[]): number {
  const counts = cachesByMemcg(inventories, memcgByCache(inventories));
  return offlineMemcgs(inventories).reduce((sum, memcg) => sum + (counts.get(memcg) ?? 0), 0);
}

/** What pins each memcg, or each cache: `memcgs` says whose a cache is. */
function pinsOf(
  inventories: readonly NodeInventory[],
  memcgs: ReadonlyMap<Handle, Handle>,
  by: 'memcg' | 'cache',
): Map<Handle, Set<Pin>> {
  const pins = new Map<Handle, Set<Pin>>();
  const add = (memcg: Handle, pin: Pin, holders: number): void => {
    if (memcg !== 0 && holders > 0) pins.set(memcg, (pins.get(memcg) ?? new Set()).add(pin));
  };
  for (const { users, kmallocs, slabs, csses, stocks, retained, chargedPages } of inventories) {
    for (const [cache = 0, objects = 0] of rowsOf(kmallocs, INVENTORY_ROWS.kmallocs)) {
      add(memcgs.get(cache) ?? 0, 'kmalloc', objects);
    }
    // Slabs that nothing of the above uses: objects in arrays, or free slabs that no reap has taken yet.
    for (const [cache = 0, held = 0] of rowsOf(slabs, INVENTORY_ROWS.slabs)) {
      add(memcgs.get(cache) ?? 0, 'freeObjects', held);
    }
    for (const [cache = 0, negative = 0, dentries = 0, inodes = 0] of rowsOf(users, INVENTORY_ROWS.users)) {
      const memcg = memcgs.get(cache) ?? 0;
      add(memcg, 'negativeDentry', negative);
      add(memcg, 'dentry', dentries);
      add(memcg, 'inode', inodes);
    }
    for (const [cache = 0, cpus = 0, partials = 0, empty = 0] of rowsOf(retained, INVENTORY_ROWS.retained)) {
      const memcg = memcgs.get(cache) ?? 0;
      add(memcg, 'cpuSlab', cpus);
      add(memcg, 'cpuPartial', partials);
      add(memcg, 'retainedSlab', empty);
    }
    if (by === 'cache') continue;
    for (const [, parent = 0, memory = 0] of rowsOf(csses, INVENTORY_ROWS.csses)) add(parent, 'childCgroup', memory);
    for (const [css = 0, user = 0, kernel = 0] of rowsOf(chargedPages, INVENTORY_ROWS.chargedPages)) {
      add(css, 'userPages', user);
      add(css, 'kmemPages', kernel);
    }
    for (const [css = 0, refs = 0] of rowsOf(stocks, INVENTORY_ROWS.stocks)) add(css, 'stock', refs);
  }
  return pins;
}

const ORDER: readonly Pin[] = [
  'negativeDentry',
  'dentry',
  'inode',
  'kmalloc',
  'childCgroup',
  'cpuSlab',
  'cpuPartial',
  'retainedSlab',
  'userPages',
  'kmemPages',
  'stock',
  'freeObjects',
];

/** Caches that an online memcg, or none, has taken over from one that is gone, with what pins them (5.3, reparent-2014). */
function adoptedCaches(
  inventories: readonly NodeInventory[],
  memcgs: ReadonlyMap<Handle, Handle>,
): Partial<Record<Pin, number>> {
  const offline = new Set(offlineMemcgs(inventories));
  const adopted = inventories
    .flatMap(({ outOfSlot }) => [...outOfSlot])
    .filter((cache) => !offline.has(memcgs.get(cache) ?? 0));
  const pins = pinsOf(inventories, new Map(adopted.map((cache) => [cache, cache])), 'cache');
  const counts: Partial<Record<Pin, number>> = {};
  for (const cache of adopted) {
    const pin = ORDER.find((candidate) => pins.get(cache)?.has(candidate)) ?? 'other';
    counts[pin] = (counts[pin] ?? 0) + 1;
  }
  return counts;
}

/** Dying memcgs and dead caches with what pins them, adopted caches, and allocations that went unaccounted, at this moment. */
export function findingsOf(inventories: readonly NodeInventory[], unaccounted: number): Finding[] {
  const memcgs = memcgByCache(inventories);
  const pins = pinsOf(inventories, memcgs, 'memcg');
  const cacheCounts = cachesByMemcg(inventories, memcgs);
  const zombies: Partial<Record<Pin, number>> = {};
  const dead: Partial<Record<Pin, number>> = {};
  for (const [memcg, offline] of removedMemcgs(inventories)) {
    const pin = offline ? (ORDER.find((candidate) => pins.get(memcg)?.has(candidate)) ?? 'other') : 'offlinePending';
    zombies[pin] = (zombies[pin] ?? 0) + 1;
    const caches = offline ? (cacheCounts.get(memcg) ?? 0) : 0;
    if (caches > 0) dead[pin] = (dead[pin] ?? 0) + caches;
  }
  const adopted = adoptedCaches(inventories, memcgs);
  const count = (by: Partial<Record<Pin, number>>): number => Object.values(by).reduce((sum, n) => sum + n, 0);
  const findings: Finding[] = [
    { class: 'zombie-memcg', count: count(zombies), pinnedBy: { ...zombies } },
    { class: 'dead-cache', count: count(dead), pinnedBy: { ...dead } },
    { class: 'adopted-cache', count: count(adopted), pinnedBy: { ...adopted } },
    {
      class: 'unaccounted',
      count: unaccounted,
      pinnedBy: {},
      detail: 'allocations served by the root cache because the memcg had none yet',
    },
  ];
  return findings.filter((finding) => finding.count > 0);
}

/** Bytes of a cache's arrays and node structures; a cache of SLUB has no limit, and no arrays. */
function bytesOf(nodes: number, cpus: number, limit: number, batchcount: number, shared: number): number {
  if (limit === 0) return cpus * CPU_SLAB_BYTES + nodes * SLUB_NODE_BYTES;
  const sharedBytes = shared > 0 ? ARRAY_BYTES + 8 * shared * batchcount : 0;
  const perNode = NODE_BYTES + sharedBytes + (nodes - 1) * (ARRAY_BYTES + 8 * ALIEN_ENTRIES);
  return cpus * (ARRAY_BYTES + 8 * limit) + nodes * perNode;
}

/** Modelled memory: pages in use, and what memcg caches take for descriptors, arrays and node structures. Bytes. */
export function memoryOf(
  inventories: readonly NodeInventory[],
  cpus: number,
): { modelledBytes: number; perMemcgBytes: number } {
  let modelledBytes = 0;
  let ofMemcgs = 0;
  let memcgs = 0;
  for (const { pagesInUse, memcgPages, csses, caches } of inventories) {
    modelledBytes += pagesInUse * PAGE_SIZE;
    ofMemcgs += memcgPages * PAGE_SIZE;
    for (const [, , memory = 0] of rowsOf(csses, INVENTORY_ROWS.csses)) memcgs += memory;
    for (const [, memcg, limit = 0, batchcount = 0, shared = 0] of rowsOf(caches, INVENTORY_ROWS.caches)) {
      const bytes = bytesOf(inventories.length, cpus, limit, batchcount, shared);
      modelledBytes += bytes;
      if (memcg !== 0) ofMemcgs += bytes;
    }
  }
  return { modelledBytes, perMemcgBytes: memcgs > 1 ? Math.round(ofMemcgs / (memcgs - 1)) : 0 };
}
