import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { orDefect } from '../../defect.js';
import { getOnlineCpusMems, putOnlineCpusMems } from '../../locking/hotplug.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { CssField, memcgCacheId } from '../../published-state.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import type { Allocation } from '../slab-common/alloc.js';
import { createCache } from '../slab-common/create.js';
import { setSlot } from '../slab-common/slots.js';
import type { CacheSpec } from '../slab-common/types.js';
import { cacheFromMemcgIdx } from './cache-lookup.js';

/** The two handles a creation item carries, and its work item. */
export interface CreateWork {
  readonly memcg: Handle;
  readonly root: Handle;
  work: Handle;
  /** The object that the item lies in, where the version's allocation is modelled. */
  readonly memory?: Allocation;
}

export const readCreateWork = defineHandler(
  'memcg.readCreateWork',
  (node, args: { data: Handle }, context): CreateWork => node.createWorks.get(args.data, context.step),
);

export const freeCreateWork = defineHandler('memcg.freeCreateWork', (node, args: { data: Handle }, context): void => {
  const { work } = node.createWorks.release(args.data, context.step());
  node.trace(Trace.workFree, context.cpu, work, 0, 0, 0);
  node.works.release(work, context.step());
});

/** What the creation needs to know of the root, to which the item holds no reference (V0-g). */
export const describeRoot = defineHandler('memcg.describeRoot', (node, args: { root: Handle }, context): CacheSpec => {
  const { name, objectSize, flags } = orDefect('V0-g', () => node.caches.get(args.root, context.step));
  return { name, objectSize, flags };
});

/** What the name of a memcg cache is made of. */
export const memcgName = defineHandler('memcg.name', (node, args: { css: Handle }, context): string => {
  const css = node.csses.get(args.css, context.step);
  return `${css.memcg?.serial ?? 0}:${css.name}`;
});

/**
 * memcg_create_kmem_cache (4.10): under the hotplug locks and slab_mutex, leave if the memcg is not kmem-online any more
 * or the slot is filled, else clone the root and publish the clone. Failure is silent: the root keeps serving.
 */
function* memcgCreateKmemCache(cpu: Cpu, memcg: Handle, root: Handle): Coroutine<void> {
  yield* call(getOnlineCpusMems, cpu);
  yield* call(mutexLock, cpu, 'slab_mutex');
  const id = memcgCacheId(cpu.published, memcg);
  const online = cpu.published.csses.read(memcg, CssField.kmemOnline) === 1;
  const { refuseCreation } = cpu.build.policies.memcg;
  const refused = !online || (refuseCreation !== null && (yield* call(refuseCreation, cpu, root)));
  const described = refused ? null : yield* request(homeOf(root), describeRoot, { root }, root);
  if (described !== null && (yield* call(cacheFromMemcgIdx, cpu, root, id)) === 0) {
    const { name, objectSize, flags } = described;
    const suffix = yield* request(homeOf(memcg), memcgName, { css: memcg }, memcg);
    const cache = yield* call(createCache, cpu, { name: `${name}(${suffix})`, objectSize, flags }, root, memcg);
    if (cache !== 0) {
      yield* call(setSlot, cpu, root, id, cache);
      cpu.counters.add('memcg_caches_created');
    }
  }
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  yield* call(putOnlineCpusMems, cpu);
}

/** memcg_kmem_cache_create_func (4.10): create, put the css, free the item. */
defineFunction('work', 'memcg_kmem_cache_create_func', function* memcgKmemCacheCreateFunc(cpu, data) {
  const { memcg, root } = yield* request(homeOf(data), readCreateWork, { data }, data);
  yield* call(memcgCreateKmemCache, cpu, memcg, root);
  yield* call(cssPut, cpu, memcg);
  yield* request(homeOf(data), freeCreateWork, { data }, data);
});
