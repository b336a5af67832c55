import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Policies } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { type Defect, orDefect } from '../../defect.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { memcgChargeKmem, memcgUnchargeKmem } from './kmem-charge.js';
import { PAGE_SIZE } from './limits.js';

/*
 * Explicit charges of slab pages (memcg_charge_slab, memcg_uncharge_slab of 3.15): to the memcg of the cache, whoever
 * allocates. The descriptor is read for it, without a reference.
 */

/** Nothing was charged because a limit forbids it. */
const DENIED = -1;

/** The uncharge begins before the cache has given its pages up, or after it. */
export type UnchargeOrder = 'first' | 'last';

/** memcg_params->memcg. */
const memcgOfParams = defineHandler(
  'memcg.memcgOfParams',
  (node, args: { cache: Handle; defect: Defect }, context): Handle =>
    orDefect(args.defect, () => node.caches.get(args.cache, context.step)).memcg,
);

const isRoot = (cpu: Cpu, cache: Handle): boolean =>
  cpu.published.caches.isCurrent(cache) && cpu.published.caches.read(cache, CacheField.root) === 0;

/** memcg_charge_slab, then memcg_bind_pages: evaluates to the memcg charged, 0 for a root, negative if denied. */
function* chargeSlabToOwner(cpu: Cpu, cache: Handle, order: number): Coroutine<Handle> {
  if (isRoot(cpu, cache)) return 0;
  const css = yield* request(homeOf(cache), memcgOfParams, { cache, defect: 'V0-h' }, cache);
  if (!(yield* call(memcgChargeKmem, css, PAGE_SIZE * 2 ** order))) return DENIED;
  yield* call(cpu.build.policies.memcg.childDestruction.bindPages, cpu, cache, order);
  return css;
}

/** memcg_uncharge_slab: from the memcg of the cache, as its descriptor says now. */
function* unchargeOwner(cpu: Cpu, cache: Handle, order: number): Coroutine<void> {
  const css = yield* request(homeOf(cache), memcgOfParams, { cache, defect: 'V2-b' }, cache);
  yield* call(memcgUnchargeKmem, cpu, css, PAGE_SIZE * 2 ** order);
}

/** Charge slabs explicitly. */
export function chargeExplicitly({ memcg }: Policies, order: UnchargeOrder): void {
  memcg.chargeSlab = chargeSlabToOwner;
  memcg.unchargeSlab = function* unchargeSlabOfOwner(cpu, cache, _css, pages): Coroutine<void> {
    if (isRoot(cpu, cache)) return;
    if (order === 'first') yield* call(unchargeOwner, cpu, cache, pages);
    yield* call(memcg.childDestruction.releasePages, cpu, cache, pages);
    if (order === 'last') yield* call(unchargeOwner, cpu, cache, pages);
  };
}
