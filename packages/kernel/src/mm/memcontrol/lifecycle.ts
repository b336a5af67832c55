import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CssField, memcgCacheId } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { releaseCaches, shutdownCaches } from '../slab-common/destroy.js';
import { memcgAllocCacheId } from './cache-ids.js';
import { parentOrRoot } from './hierarchy.js';
import { memcgReparentId } from './offline-id.js';
import type { KmemState } from './types.js';

export const setKmem = defineHandler(
  'memcg.setKmem',
  (node, args: { css: Handle; state: KmemState; id: number }, context): void => {
    const memcg = node.memcg(args.css, context.step);
    memcg.kmemState = args.state;
    memcg.kmemcgId = args.id;
  },
);

export const publishKmem = defineHandler(
  'memcg.publishKmem',
  (node, args: { css: Handle; online: boolean; id: number }): void => {
    node.published.csses.write(args.css, CssField.kmemOnline, Number(args.online));
    node.published.csses.write(args.css, CssField.kmemcgId, args.id + 1);
  },
);

/** memcg_online_kmem (4.10), in css_alloc: every new memcg is kmem-active. */
export function* memcgOnlineKmem(cpu: Cpu, css: Handle): Coroutine<void> {
  const id = yield* call(memcgAllocCacheId, cpu);
  yield* request(homeOf(css), setKmem, { css, state: 'online', id }, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: true, id });
}

/**
 * memcg_offline_kmem (4.10): leave the online state first, so that no creation slips in, then deactivate the caches and
 * give the index back. The parent's id is taken over until the memcg is freed. Caller holds cgroup_mutex.
 */
export function* memcgOfflineKmem(cpu: Cpu, css: Handle): Coroutine<void> {
  const id = memcgCacheId(cpu.published, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: false, id });
  const parent = yield* call(parentOrRoot, cpu, css);
  yield* call(cpu.build.policies.memcg.deactivate, cpu, css, id, parent);
  yield* call(memcgReparentId, cpu, css, parent);
}

/**
 * memcg_free_kmem (4.10; memcg_destroy_kmem_caches in 4.12), in css_free, without cgroup_mutex: shut every cache of the memcg
 * down under slab_mutex. Those that the version leaves to the caller are then released, after one rcu_barrier if any of
 * them is RCU-typed.
 */
export function* memcgFreeKmem(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const caches = yield* call(cpu.build.policies.memcg.cacheLists.left, cpu, css);
  const { busy, left } = yield* call(shutdownCaches, cpu, caches, 'memcg');
  if (busy.length > 0) cpu.bug(`cache ${busy[0]?.toString(16)} of a freed memcg still has objects`);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
  yield* call(releaseCaches, cpu, left, 'memcg');
}
