import { CacheField } from '@kmemlab/kernel';
import { BOOT_NODE, type Handle, homeOf } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';
import type { Finding } from '@kmemlab/results';

const PAGE_SIZE = 4096;
/** Bytes of a kmem_cache_node, of an array_cache's head, and entries of an alien array. */
const NODE_BYTES = 120;
const ARRAY_BYTES = 16;
const ALIEN_ENTRIES = 12;

/** Why each dying memcg still exists: the first that applies, in this order. */
type Pin = 'negativeDentry' | 'dentry' | 'inode' | 'childCgroup' | 'stock' | 'other';

/** memcg of the cache a slab object came from. */
function memcgOf(machine: SimMachine, cache: Handle): Handle {
  return cache === 0 ? 0 : (machine.nodes[homeOf(cache)]?.caches.peek(cache)?.memcg ?? 0);
}

function pinsOf(machine: SimMachine): Map<Handle, Set<Pin>> {
  const pins = new Map<Handle, Set<Pin>>();
  const add = (memcg: Handle, pin: Pin): void => {
    if (memcg !== 0) pins.set(memcg, (pins.get(memcg) ?? new Set()).add(pin));
  };
  for (const node of machine.nodes) {
    for (const [, dentry] of node.dentries.entries()) {
      add(memcgOf(machine, dentry.cache), dentry.inode === 0 ? 'negativeDentry' : 'dentry');
    }
    for (const [, inode] of node.inodes.entries()) add(memcgOf(machine, inode.cache), 'inode');
    for (const [, css] of node.csses.entries()) if (css.memcg !== null) add(css.parent, 'childCgroup');
  }
  for (const { stock } of machine.cpus) if (stock.pages > 0) add(stock.css, 'stock');
  return pins;
}

const ORDER: readonly Pin[] = ['negativeDentry', 'dentry', 'inode', 'childCgroup', 'stock'];

/** Dying memcgs and dead caches with what pins them, and allocations that went unaccounted, at this moment. */
export function findingsOf(machine: SimMachine, unaccounted: number): Finding[] {
  const pins = pinsOf(machine);
  const zombies: Partial<Record<Pin, number>> = {};
  const dead: Partial<Record<Pin, number>> = {};
  for (const node of machine.nodes) {
    for (const [memcg, css] of node.csses.entries()) {
      if (css.memcg?.kmemState !== 'allocated') continue;
      const pin = ORDER.find((candidate) => pins.get(memcg)?.has(candidate)) ?? 'other';
      zombies[pin] = (zombies[pin] ?? 0) + 1;
      const caches = machine.nodes[BOOT_NODE]?.cacheList.cachesOf(memcg).length ?? 0;
      if (caches > 0) dead[pin] = (dead[pin] ?? 0) + caches;
    }
  }
  const count = (by: Partial<Record<Pin, number>>): number => Object.values(by).reduce((sum, n) => sum + n, 0);
  const findings: Finding[] = [
    { class: 'zombie-memcg', count: count(zombies), pinnedBy: { ...zombies } },
    { class: 'dead-cache', count: count(dead), pinnedBy: { ...dead } },
    {
      class: 'unaccounted',
      count: unaccounted,
      pinnedBy: {},
      detail: 'allocations served by the root cache because the memcg had none yet',
    },
  ];
  return findings.filter((finding) => finding.count > 0);
}

/** Modelled memory: pages in use, and what memcg caches take for descriptors, arrays and node structures. Bytes. */
export function memoryOf(machine: SimMachine): { modelledBytes: number; perMemcgBytes: number } {
  const cpus = machine.cpus.length;
  const { nodes } = machine;
  let modelledBytes = 0;
  let ofMemcgs = 0;
  let memcgs = 0;
  for (const node of nodes) {
    modelledBytes += node.pagesInUse * PAGE_SIZE;
    for (const [, page] of node.pages.entries()) if (page.memcg !== 0) ofMemcgs += 2 ** page.order * PAGE_SIZE;
    for (const [, css] of node.csses.entries()) if (css.memcg !== null) memcgs++;
    for (const [handle, cache] of node.caches.entries()) {
      const { limit, batchcount, shared } = tunablesOf(machine, handle);
      const sharedBytes = shared > 0 ? ARRAY_BYTES + 8 * shared * batchcount : 0;
      const perNode = NODE_BYTES + sharedBytes + (nodes.length - 1) * (ARRAY_BYTES + 8 * ALIEN_ENTRIES);
      const bytes = cpus * (ARRAY_BYTES + 8 * limit) + nodes.length * perNode;
      modelledBytes += bytes;
      if (cache.memcg !== 0) ofMemcgs += bytes;
    }
  }
  return { modelledBytes, perMemcgBytes: memcgs > 1 ? Math.round(ofMemcgs / (memcgs - 1)) : 0 };
}

function tunablesOf(machine: SimMachine, cache: Handle): { limit: number; batchcount: number; shared: number } {
  const caches = machine.nodes[BOOT_NODE]?.published.caches;
  const read = (field: number): number => caches?.read(cache, field) ?? 0;
  return { limit: read(CacheField.limit), batchcount: read(CacheField.batchcount), shared: read(CacheField.shared) };
}
