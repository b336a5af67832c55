import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../locking/hotplug.js';
import { SlabFlag } from '../mm/slab/types.js';
import { describeCache } from '../mm/slab-common/create.js';
import { kmemCacheShrink } from '../mm/slab-common/shrink.js';
import type { CacheDescription } from '../mm/slab-common/types.js';
import { REMOTE_NODE_DEFRAG_RATIO } from '../mm/slub/alloc.js';
import { countSlabs, type SlubCounts, setRetention } from '../mm/slub/node-handlers.js';
import { CacheField } from '../published-state.js';
import { defineHandler } from '../registry.js';
import { EINVAL, EIO, ENODEV, type Found } from './types.js';

/** Subdirectory of a root's directory that holds its children's. */
const GROUP = 'cgroup';

/** What a name in a directory of /sys/kernel/slab is: a directory of a cache, and whether it is the one of its children. */
export interface SlabEntry {
  readonly directory: boolean;
  readonly cache: Handle;
}

/** kernfs_find_ns for the directories; with `parent` 0 in /sys/kernel/slab itself. 0 if there is none. */
const findDirectory = defineHandler(
  'sysfs.find',
  (node, args: { parent: Handle; group: boolean; name: string }): Handle => {
    const { slabKset } = node;
    const above = args.parent === 0 ? '' : `${slabKset.of(args.parent)?.path}/`;
    if (args.parent !== 0 && !args.group) return slabKset.hasBelow(`${above}${args.name}`) ? args.parent : 0;
    const kobject = slabKset.find(`${args.group ? `${above}${GROUP}/` : ''}${args.name}`);
    const [cache] = kobject?.caches ?? [];
    return cache ?? 0;
  },
);

const isThere = defineHandler('sysfs.isThere', (node, args: { cache: Handle }): boolean =>
  [...(node.slabKset.of(args.cache)?.caches ?? [])].includes(args.cache),
);

/** kernfs_get_active: fails once the directory has been removed. */
const getActive = defineHandler('sysfs.getActive', (node, args: { cache: Handle }): boolean => {
  const kobject = node.slabKset.of(args.cache);
  if (kobject === undefined) return false;
  kobject.active++;
  node.slabKset.users.set(args.cache, kobject);
  return true;
});

/** kernfs_put_active: the last one lets the removal go on. */
const putActive = defineHandler('sysfs.putActive', (node, args: { cache: Handle }, context): void => {
  const kobject = node.slabKset.users.get(args.cache);
  if (kobject === undefined) return;
  kobject.active--;
  if (kobject.active > 0) return;
  node.slabKset.users.delete(args.cache);
  if (kobject.waiter !== 0) context.complete(kobject.waiter, 0);
});

interface Attribute {
  /** What reading it shows: known at once, or found out at the nodes. */
  readonly text?: (cpu: Cpu, cache: Handle) => string;
  readonly show?: (cpu: Cpu, cache: Handle) => Coroutine<string>;
  readonly store?: (cpu: Cpu, cache: Handle, text: string) => Coroutine<number>;
}

const describe = function* (cache: Handle): Coroutine<CacheDescription> {
  return yield* request(homeOf(cache), describeCache, { cache }, cache);
};

const ofCache = (value: (cache: CacheDescription) => number): Attribute => ({
  *show(_cpu, cache) {
    return `${value(yield* describe(cache))}\n`;
  },
});

const flag = (bit: number): Attribute => ofCache(({ flags }) => Number((flags & bit) !== 0));

/** show_slab_objects: the sum, then each node that has any. */
function perNode(counts: readonly number[]): string {
  const nodes = counts.flatMap((count, node) => (count > 0 ? [` N${node}=${count}`] : []));
  return `${counts.reduce((sum, count) => sum + count, 0)}${nodes.join('')}\n`;
}

const counted = (value: (counts: SlubCounts) => number): Attribute => ({
  *show(cpu, cache) {
    return perNode((yield* requestAll(cpu.allNodes, countSlabs, { cache })).map(value));
  },
});

/** Slabs that the CPUs of a node hold of a cache: those they allocate from, and those on their partial lists. */
const countCpuSlabs = defineHandler(
  'sysfs.cpuSlabs',
  (node, args: { cache: Handle }): { cpu: number; page: Handle; partials: number }[] =>
    node.allWords().map(({ cpu, cpuSlabs }) => ({ cpu, ...cpuSlabs.heldOf(args.cache) })),
);

/** cpu_slabs counts by the node of each slab; of a partial list only the length is known from outside. */
const cpuSlabs: Attribute = {
  *show(cpu, cache) {
    const held = (yield* requestAll(cpu.allNodes, countCpuSlabs, { cache })).flat();
    const counts = cpu.allNodes.map((node) => held.filter(({ page }) => page !== 0 && homeOf(page) === node).length);
    for (const { cpu: id, partials } of held) counts[cpu.nodeOf(id)] = (counts[cpu.nodeOf(id)] ?? 0) + partials;
    return perNode(counts);
  },
};

/** slabs_cpu_partial: the lengths of the CPUs' partial lists. */
const slabsCpuPartial: Attribute = {
  *show(cpu, cache) {
    const held = (yield* requestAll(cpu.allNodes, countCpuSlabs, { cache })).flat();
    const total = held.reduce((sum, { partials }) => sum + partials, 0);
    return `${total}${held.flatMap(({ cpu: id, partials }) => (partials > 0 ? [` C${id}=${partials}`] : [])).join('')}\n`;
  },
};

/** min_partial, cpu_partial: read, and written by whoever may. */
function retention(field: 'minPartial' | 'cpuPartial'): Attribute {
  return {
    text: (cpu, cache) => `${cpu.published.caches.read(cache, CacheField[field])}\n`,
    *store(cpu, cache, text) {
      const value = Number(text.trim());
      if (text.trim() === '' || !Number.isInteger(value) || value < 0) return EINVAL;
      const { caches } = cpu.published;
      const now = {
        minPartial: caches.read(cache, CacheField.minPartial),
        cpuPartial: caches.read(cache, CacheField.cpuPartial),
      };
      yield* requestAll(cpu.allNodes, setRetention, { cache, ...now, [field]: value });
      return text.length;
    },
  };
}

/** shrink_store: kmem_cache_shrink, which takes the hotplug locks but not slab_mutex. */
const shrink: Attribute = {
  text: () => '\n',
  *store(cpu, cache, text) {
    if (!text.startsWith('1')) return EINVAL;
    yield* call(getOnlineCpusMems, cpu);
    yield* call(kmemCacheShrink, cpu, cache);
    yield* call(putOnlineCpusMems, cpu);
    return text.length;
  },
};

/** Files of a cache's directory (slab_attrs, mm/slub.c 4.10), as far as the model knows what they show. */
const attributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ['object_size', ofCache(({ objectSize }) => objectSize)],
  ['slab_size', ofCache(({ geometry }) => geometry.size)],
  ['objs_per_slab', ofCache(({ geometry }) => geometry.num)],
  ['order', ofCache(({ geometry }) => geometry.order)],
  ['min_partial', retention('minPartial')],
  ['cpu_partial', retention('cpuPartial')],
  ['slabs', counted(({ slabs }) => slabs)],
  ['partial', counted(({ partial }) => partial)],
  ['objects', counted(({ objects, free }) => objects - free)],
  ['total_objects', counted(({ objects }) => objects)],
  ['cpu_slabs', cpuSlabs],
  ['slabs_cpu_partial', slabsCpuPartial],
  ['reclaim_account', flag(SlabFlag.reclaim)],
  ['hwcache_align', flag(SlabFlag.hwcacheAlign)],
  ['destroy_by_rcu', flag(SlabFlag.destroyByRcu)],
  ['remote_node_defrag_ratio', ofCache(() => Math.floor(REMOTE_NODE_DEFRAG_RATIO / 10))],
  ['shrink', shrink],
]);

/** What a name in a directory of /sys/kernel/slab leads to; null if there is no such name. */
export function* lookupSlabEntry(parent: Found, name: string): Coroutine<SlabEntry | null> {
  const cache = parent.cgroup;
  const group = cache !== 0 && parent.name === GROUP;
  if (cache !== 0 && !group && attributes.has(name)) return { directory: false, cache };
  const found = yield* request(BOOT_NODE, findDirectory, { parent: cache, group, name });
  return found === 0 ? null : { directory: true, cache: found };
}

/** kernfs_dop_revalidate: the cache behind a cached name still has its directory. */
export function* isSlabEntryValid(found: Found): Coroutine<boolean> {
  return yield* request(BOOT_NODE, isThere, { cache: found.cgroup });
}

/** slab_attr_show. Evaluates to an errno if the cache is gone or the file cannot be read. */
export function* readSlabAttribute(cpu: Cpu, { cgroup: cache, name }: Found): Coroutine<string | number> {
  const { text: known, show } = attributes.get(name) ?? {};
  if (known === undefined && show === undefined) return EIO;
  if (!(yield* request(BOOT_NODE, getActive, { cache }))) return ENODEV;
  const text = show === undefined ? (known?.(cpu, cache) ?? '') : yield* call(show, cpu, cache);
  yield* request(BOOT_NODE, putActive, { cache });
  return text;
}

/** slab_attr_store. */
export function* writeSlabAttribute(cpu: Cpu, { cgroup: cache, name }: Found, text: string): Coroutine<number> {
  const store = attributes.get(name)?.store;
  if (store === undefined) return EIO;
  if (!(yield* request(BOOT_NODE, getActive, { cache }))) return ENODEV;
  const result = yield* call(store, cpu, cache, text);
  yield* request(BOOT_NODE, putActive, { cache });
  return result;
}
