import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CssField, rootMemcg } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { memcgAllocCacheId, memcgFreeCacheId } from './cache-ids.js';
import { drainAllStock } from './drain-all-stock.js';
import { publishKmem, setKmem } from './lifecycle.js';
import { memcgReparentObjcgs, objCgroupAlloc } from './obj-cgroup.js';
import { freeStatistics } from './percpu-statistics.js';

const readCounterParent = defineHandler(
  'memcg.counterParent',
  (node, args: { css: Handle }, context): Handle => node.memcg(args.css, context.step).counterParent,
);

const publishCounterParent = defineHandler(
  'memcg.publishCounterParent',
  (node, args: { css: Handle; parent: Handle }): void => {
    node.published.csses.write(args.css, CssField.counterParent, args.parent);
  },
);

/** Slab blocks are charged to nobody: their objects are, one by one. */
// biome-ignore lint/correctness/useYield: a policy that other versions need effects for
export function* chargeNoSlab(): Coroutine<Handle> {
  return 0;
}

/** memcg_update_all_list_lrus (5.9): ids index list_lru arrays only, so neither slab_mutex nor root caches are concerned. */
// biome-ignore lint/correctness/useYield: a policy that other versions need effects for
export function* memcgUpdateAllListLrus(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('memcg_update_all_list_lrus');
}

/** memcg_online_kmem (5.9), in css_alloc: an id, which sizes list_lru arrays only, and an active obj_cgroup. */
export function* memcgOnlineObjcg(cpu: Cpu, css: Handle): Coroutine<void> {
  const id = yield* call(memcgAllocCacheId, cpu);
  const parent = yield* request(homeOf(css), readCounterParent, { css }, css);
  yield* requestAll(cpu.allNodes, publishCounterParent, { css, parent });
  yield* call(objCgroupAlloc, cpu, css);
  yield* request(homeOf(css), setKmem, { css, state: 'online', id }, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: true, id });
}

/**
 * memcg_offline_kmem and the drain of stocks after it (5.9): what objects are charged to stands for the parent from now on,
 * so no object holds the memcg. Neither slab_mutex nor an IPI nor a wait. Caller holds cgroup_mutex.
 */
export function* memcgOfflineObjcg(cpu: Cpu, css: Handle): Coroutine<void> {
  const { csses } = cpu.published;
  const id = csses.read(css, CssField.kmemcgId) - 1;
  const parent = csses.read(css, CssField.counterParent) || rootMemcg(cpu.published);
  const parentId = csses.read(parent, CssField.kmemcgId) - 1;
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: false, id });
  yield* call(memcgReparentObjcgs, cpu, css, parent);
  yield* request(homeOf(css), setKmem, { css, state: 'allocated', id: parentId }, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: false, id: parentId });
  yield* call(memcgFreeCacheId, cpu, id);
  yield* call(drainAllStock, cpu, css);
}

/** mem_cgroup_css_free (5.9): nothing of slab is left to do; the percpu statistics go. */
export function* memcgFreeObjcg(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(freeStatistics, cpu, css);
}
