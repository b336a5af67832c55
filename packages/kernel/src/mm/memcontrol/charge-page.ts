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
const isKernel = (use: PageUse): boolean => use === 'kernel_stack' || use === 'kernel';

const ownPages = defineHandler(
  'page.own',
  (node, args: { page: Handle; memcg: Handle; use: PageUse }, context): void => {
    const page = node.pages.get(args.page, context.step);
    page.memcg = args.memcg;
    page.list = 'used';
    page.use = args.use;
  },
);

/** The running task's memcg pays. Evaluates to it, 0 if nobody need pay, or a negative number if a limit forbids it. */
function* charge(cpu: Cpu, order: number, use: PageUse): Coroutine<Handle> {
  const memcg = cpu.accountedMemcg();
  // get_mem_cgroup_from_mm: another CPU may be moving the task out of a memcg that goes.
  if (memcg === 0 || !(yield* call(cssTrygetOnline, cpu, memcg))) return 0;
  const paid = isKernel(use)
    ? yield* call(memcgKmemCharge, cpu, memcg, order)
    : yield* call(tryCharge, cpu, memcg, 2 ** order);
  yield* call(cssPut, cpu, memcg);
  return paid ? memcg : -1;
}

/**
 * Pages for the running task, charged to its memcg: user pages (mem_cgroup_try_charge: memory counter), or kernel memory
 * (memcg_kmem_charge: also kmem). One css reference a page. Null if there are none or a limit forbids it. Process context.
 */
export function* allocChargedPages(cpu: Cpu, order: number, use: PageUse): Coroutine<ChargedPages | null> {
  const page = yield* call(allocPagesNode, cpu, order);
  if (page === 0) return null;
  const memcg = yield* call(charge, cpu, order, use);
  if (memcg < 0) {
    yield* call(freePagesAt, cpu, page);
    return null;
  }
  yield* request(homeOf(page), ownPages, { page, memcg, use }, page);
  return { page, memcg, order, use };
}

/** Uncharge (mem_cgroup_uncharge, memcg_kmem_uncharge) and free. Any context. */
export function* freeChargedPages(cpu: Cpu, { page, memcg, order, use }: ChargedPages): Coroutine<void> {
  if (memcg !== 0) yield* call(isKernel(use) ? memcgKmemUncharge : uncharge, cpu, memcg, order);
  yield* call(freePagesAt, cpu, page);
}

/** mem_cgroup_uncharge. */
function* uncharge(cpu: Cpu, memcg: Handle, order: number): Coroutine<void> {
  yield* call(pageCounterUncharge, memcg, 'memory', 2 ** order);
  yield* call(cssPut, cpu, memcg, 2 ** order);
}
