import {
  type Coroutine,
  call,
  type Handle,
  homeOf,
  nodeOfObject,
  type ObjectRef,
  request,
  requestAll,
} from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { KernelNode } from '../../node.js';
import { memcgCacheId, ObjcgField } from '../../published-state.js';
import { GLOBAL_LIST } from '../list-lru.js';
import { memcgAllocCacheId } from './cache-ids.js';
import { publishKmem, setKmem } from './lifecycle.js';
import { objCgroupAlloc } from './obj-cgroup.js';
import { ownerOf } from './obj-vector.js';

/** Slab blocks are charged to nobody: their objects are, one by one. */
// biome-ignore lint/correctness/useYield: a policy that other versions need effects for
export function* chargeNoSlab(): Coroutine<Handle> {
  return 0;
}

/** memcg_online_kmem (5.9), in css_alloc: an id, which sizes list_lru arrays only, and an active obj_cgroup. */
export function* memcgOnlineObjcg(cpu: Cpu, css: Handle): Coroutine<void> {
  const id = yield* call(memcgAllocCacheId, cpu);
  yield* call(objCgroupAlloc, cpu, css);
  yield* request(homeOf(css), setKmem, { css, state: 'online', id }, css);
  yield* requestAll(cpu.allNodes, publishKmem, { css, online: true, id });
}

/**
 * memcg_cache_id of mem_cgroup_from_obj (5.9): the list of whoever pays for the object. An object that lies on another node
 * than what it holds counts as nobody's: its block cannot be looked at from here.
 */
export function lruIdOfOwner(node: KernelNode, object: ObjectRef): number {
  const { published } = node;
  const objcg = nodeOfObject(object) === node.id ? ownerOf(node, object) : 0;
  return objcg === 0 ? GLOBAL_LIST : memcgCacheId(published, published.objCgroups.read(objcg, ObjcgField.memcg));
}
