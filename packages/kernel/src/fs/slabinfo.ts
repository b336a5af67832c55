import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { childCachesOf } from '../mm/memcontrol/child-caches.js';
import { listMemcgCaches } from '../mm/memcontrol/register-cache.js';
import type { Tunables } from '../mm/slab/types.js';
import { listRoots, walkForMemcg } from '../mm/slab-common/cache-list.js';
import { describeCache } from '../mm/slab-common/create.js';
import type { SlabCounts } from '../mm/slab-common/types.js';
import { CacheField, memcgKmemIsActive } from '../published-state.js';
import { EINVAL, EIO } from './types.js';

const HEADER =
  'slabinfo - version: 2.1\n' +
  '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>' +
  ' : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n';

/** None of a cache that is no root. */
function* childrenOfRoot(cpu: Cpu, cache: Handle): Coroutine<Handle[]> {
  if (cpu.published.caches.read(cache, CacheField.root) !== 0) return [];
  return yield* call(cpu.build.policies.memcg.childrenOf, cpu, cache);
}

/**
 * cache_show (4.10): one line in the format of /proc/slabinfo 2.1. A memcg cache goes by the name of its root; a root's
 * counts contain those of its children (memcg_accumulate_slabinfo).
 */
function* cacheShow(cpu: Cpu, cache: Handle): Coroutine<string> {
  const named = cpu.published.caches.read(cache, CacheField.root) || cache;
  const { name } = yield* request(homeOf(named), describeCache, { cache: named }, named);
  const { slabinfo } = cpu.build.allocator;
  const nodes = yield* call(slabinfo, cpu, cache);
  for (const child of yield* call(childrenOfRoot, cpu, cache)) {
    nodes.push(...(yield* call(slabinfo, cpu, child)));
  }
  const sum = (field: keyof SlabCounts): number => nodes.reduce((total, node) => total + node[field], 0);
  const { caches } = cpu.published;
  const num = caches.read(cache, CacheField.num);
  const objects = sum('objects');
  const pad = (value: number, width: number): string => String(value).padStart(width);
  return (
    `${name.padEnd(17)} ${pad(objects - sum('freeObjects'), 6)} ${pad(objects, 6)} ` +
    `${pad(caches.read(cache, CacheField.objectSize), 6)} ${pad(num, 4)} ${pad(2 ** caches.read(cache, CacheField.order), 4)}` +
    ` : tunables ${pad(caches.read(cache, CacheField.limit), 4)} ${pad(caches.read(cache, CacheField.batchcount), 4)} ` +
    `${pad(caches.read(cache, CacheField.shared), 4)}` +
    ` : slabdata ${pad(sum('slabs') - sum('freeSlabs'), 6)} ${pad(sum('slabs'), 6)} ${pad(sum('shared'), 6)}\n`
  );
}

function* show(cpu: Cpu, caches: () => Coroutine<Handle[]>): Coroutine<string> {
  yield* call(mutexLock, cpu, 'slab_mutex');
  let text = HEADER;
  for (const cache of yield* call(caches)) text += yield* call(cacheShow, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  return text;
}

/** Reading /proc/slabinfo: all root caches, under slab_mutex. */
export function* readSlabinfo(cpu: Cpu): Coroutine<string> {
  return yield* call(show, cpu, function* roots() {
    return yield* request(BOOT_NODE, listRoots, null);
  });
}

/**
 * mem_cgroup_slabinfo_read (3.14): the caches on the memcg's own list, under slab_caches_mutex; each is found as its destroy
 * work would find it. -EIO if the memcg is not kmem-active.
 */
export function* memCgroupSlabinfoRead(cpu: Cpu, css: Handle): Coroutine<string | number> {
  if (!memcgKmemIsActive(cpu.published, css)) return EIO;
  yield* call(mutexLock, cpu, 'slab_caches_mutex');
  let text = HEADER;
  for (const params of yield* request(homeOf(css), listMemcgCaches, { css }, css)) {
    const cache = yield* call(childCachesOf(cpu).ofParams, cpu, params);
    if (cache === 0) cpu.bug('mem_cgroup_slabinfo_read dereferences NULL: a cache on the list is in no slot');
    text += yield* call(cacheShow, cpu, cache);
  }
  yield* call(mutexUnlock, cpu, 'slab_caches_mutex');
  return text;
}

/** Reading memory.kmem.slabinfo: the caches of one memcg. */
export function* slabinfoOf(cpu: Cpu, memcg: Handle): Coroutine<string> {
  return yield* call(show, cpu, function* ofMemcg() {
    return (yield* request(BOOT_NODE, walkForMemcg, { memcg })).caches;
  });
}

/**
 * slabinfo_write (mm/slab.c 4.10): `name limit batchcount shared` tunes the root cache of that name, and then each of its
 * children, those of offline memcgs too, all under slab_mutex. Evaluates to the length written, also if the kernel ignores
 * the numbers because they are out of range, or to -EINVAL. SLUB has no tunables: -EIO.
 */
export function* writeSlabinfo(cpu: Cpu, text: string): Coroutine<number> {
  const { tune } = cpu.build.allocator;
  if (tune === null) return EIO;
  const [name = '', ...numbers] = text.trim().split(/\s+/);
  const [limit = 0, batchcount = 0, shared = -1] = numbers.map(Number);
  if (numbers.length !== 3 || ![limit, batchcount, shared].every(Number.isInteger)) return EINVAL;
  yield* call(mutexLock, cpu, 'slab_mutex');
  const root = cpu.published.roots.get(name);
  if (root !== 0 && inRange({ limit, batchcount, shared })) {
    yield* call(tune, cpu, root, { limit, batchcount, shared });
    for (const child of yield* call(childrenOfRoot, cpu, root)) {
      yield* call(tune, cpu, child, { limit, batchcount, shared });
    }
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  return root === 0 ? EINVAL : text.length;
}

const inRange = ({ limit, batchcount, shared }: Tunables): boolean =>
  limit >= 1 && batchcount >= 1 && batchcount <= limit && shared >= 0;
