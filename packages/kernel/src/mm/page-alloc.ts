import { type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineHandler } from '../registry.js';
import { directReclaim } from './direct-reclaim.js';
import type { SlabPage } from './slab/types.js';

/** alloc_pages on this node: 2^order pages as one block; the record is the head page's struct page. */
const allocPages = defineHandler('page.alloc', (node, args: { order: number }): Handle => {
  if (node.pagesInUse + 2 ** args.order > node.pageLimit) return 0;
  node.pagesInUse += 2 ** args.order;
  const page: SlabPage = { order: args.order, cache: 0, num: 0, active: 0, free: [], list: 'none', memcg: 0 };
  return node.pages.allocate(page);
});

const freePages = defineHandler('page.free', (node, args: { page: Handle }, context): void => {
  const record = node.pages.release(args.page, context.step());
  node.pagesInUse -= 2 ** record.order;
});

/** Allocate 2^order contiguous pages on one node, by default this CPU's (alloc_pages_node). Any context; 0 if it has none left. */
export function* allocPagesNode(cpu: Cpu, order: number, node = cpu.node): Coroutine<Handle> {
  if (cpu.build.policies.memcg.hooksEveryPage) cpu.counters.add('memcg_kmem_newpage_charge');
  if (cpu.published.scalar(Scalar.reclaimUs) > 0) yield* call(directReclaim, cpu);
  yield* work(cpu.costs['page.alloc'] * 2 ** order);
  return yield* request(node, allocPages, { order });
}

/** __free_pages: at the block's home. */
export function* freePagesAt(cpu: Cpu, page: Handle): Coroutine<void> {
  yield* request(homeOf(page), freePages, { page }, page);
  yield* work(cpu.costs['page.alloc'] / 2);
}
