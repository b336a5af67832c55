import { BOOT_NODE, type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { listCachesOf, listRoots, walkForMemcg, walkSteps } from '../slab-common/cache-list.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';

/** Called with each cache of a memcg that goes offline. Caller holds slab_mutex. */
export type EachCache = (cpu: Cpu, cache: Handle) => Coroutine<void>;

/** How the caches of a memcg are found. Caller holds slab_mutex. */
export interface MemcgCacheLists {
  /** Visit those that are in the memcg's slots; `id` is its index. */
  readonly active: (cpu: Cpu, memcg: Handle, id: number, each: EachCache) => Coroutine<void>;
  /** Those that are left when it is freed. */
  readonly left: (cpu: Cpu, memcg: Handle) => Coroutine<Handle[]>;
}

/** The memcg's caches, for a step per cache in the system. */
function* walkAll(cpu: Cpu, memcg: Handle): Coroutine<Handle[]> {
  const { caches, total } = yield* request(BOOT_NODE, walkForMemcg, { memcg });
  yield* call(walkSteps, cpu, total);
  return caches;
}

/** 4.10: slab_caches is the only list, and each look goes along all of it. */
export const oneListOfAll: MemcgCacheLists = {
  *active(cpu, memcg, _id, each) {
    for (const cache of yield* call(walkAll, cpu, memcg)) yield* call(each, cpu, cache);
  },
  left: walkAll,
};

/** 4.12: slab_root_caches, with a slot to look into in each root, and a list of its own in each memcg (memcg->kmem_caches). */
export const rootsAndOwnLists: MemcgCacheLists = {
  *active(cpu, _memcg, id, each) {
    const roots = yield* request(BOOT_NODE, listRoots, null);
    yield* call(walkSteps, cpu, roots.length);
    for (const root of roots) {
      const cache = yield* call(cacheFromMemcgIdx, cpu, root, id);
      if (cache !== 0) yield* call(each, cpu, cache);
    }
  },
  *left(cpu, memcg) {
    const caches = yield* request(BOOT_NODE, listCachesOf, { memcg });
    yield* call(walkSteps, cpu, caches.length);
    return caches;
  },
};
