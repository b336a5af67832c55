import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssPut, cssTrygetOnline } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';
import { allocPagesNode, freePagesAt } from '../page-alloc.js';
import type { PageUse } from '../slab/types.js';
import { memcgKmemCharge, memcgKmemUncharge, tryCharge } from './charge.js';
import { pageCounterUncharge } from './page-counter.js';

/** A block of pages that is no slab, and the memcg that pays for it (page->mem_cgroup), 0 if none. Plain data. */
export interface ChargedPages {
  readonly page: Handle;
  readonly memcg: Handle;
  /** 2^order pages. */
  readonly order: number;
  readonly use: PageUse;
}

/** Kernel memory (__GFP_ACCOUNT), not a user page. */
export const isKernel = (use: PageUse): boolean => use === 'kernel_stack' || use === 'kernel';

const ownPages = defineHandler(
  'page.own',
  (node, args: { page: Handle; memcg: Handle; use: PageUse }, context): void => {
    const page = node.pages.get(args.page, context.step);
    page.memcg = args.memcg;
    page.list = 'used';
    page.use = args.use;
  },
);

/**
 * The running task's memcg pays for user pages (mem_cgroup_try_charge, 4.10: memory counter) or kernel memory
 * (memcg_kmem_charge: also kmem), with one css reference a page. Evaluates to it, 0 if nobody need pay, or a negative number
 * if a limit forbids it.
 */
export function* chargePages(cpu: Cpu, order: number, use: PageUse): Coroutine<Handle> {
  if (use === 'kmalloc_large') return 0;
  return yield* call(chargeCurrent, cpu, (memcg) =>
    isKernel(use) ? memcgKmemCharge(cpu, memcg, order) : tryCharge(cpu, memcg, 2 ** order),
  );
}

/** get_mem_cgroup_from_mm around a charge: another CPU may be moving the task out of a memcg that goes. */
export function* chargeCurrent(cpu: Cpu, charge: (memcg: Handle) => Coroutine<boolean>): Coroutine<Handle> {
  const memcg = cpu.accountedMemcg();
  if (memcg === 0 || !(yield* call(cssTrygetOnline, cpu, memcg))) return 0;
  const paid = yield* call(charge, memcg);
  yield* call(cssPut, cpu, memcg);
  return paid ? memcg : -1;
}

/** mem_cgroup_uncharge, memcg_kmem_uncharge (4.10). Any context. */
export function* unchargePages(cpu: Cpu, memcg: Handle, order: number, use: PageUse): Coroutine<void> {
  if (isKernel(use)) yield* call(memcgKmemUncharge, cpu, memcg, order);
  else {
    yield* call(pageCounterUncharge, memcg, 'memory', 2 ** order);
    yield* call(cssPut, cpu, memcg, 2 ** order);
  }
}

/**
 * Pages for the running task, charged as the version does it; null if there are none or a limit forbids it. Process
 * context.
 */
export function* allocChargedPages(cpu: Cpu, order: number, use: PageUse): Coroutine<ChargedPages | null> {
  const page = yield* call(allocPagesNode, cpu, order);
  if (page === 0) return null;
  const memcg = yield* call(cpu.build.policies.memcg.chargePages, cpu, order, use);
  if (memcg < 0) {
    yield* call(freePagesAt, cpu, page);
    return null;
  }
  yield* request(homeOf(page), ownPages, { page, memcg, use }, page);
  return { page, memcg, order, use };
}

/** Uncharge and free. Any context. */
export function* freeChargedPages(cpu: Cpu, { page, memcg, order, use }: ChargedPages): Coroutine<void> {
  if (memcg !== 0) yield* call(cpu.build.policies.memcg.unchargePages, cpu, memcg, order, use);
  yield* call(freePagesAt, cpu, page);
}
