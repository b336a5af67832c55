import type { Handle } from '@kmemlab/machine';
import type { KernelNode } from '../../node.js';

/** What SLUB keeps of each cache on a node, as rows: cache, CPUs with a slab of it, slabs on their partial lists, empty slabs. */
export function retainedOn(node: KernelNode): number[] {
  const rows = new Map<Handle, [number, number, number]>();
  const count = (cache: Handle, column: 0 | 1 | 2, by: number): void => {
    if (by === 0) return;
    const row = rows.get(cache) ?? [0, 0, 0];
    row[column] += by;
    rows.set(cache, row);
  };
  for (const { cpuSlabs } of node.allWords()) {
    for (const [cache, page, partials] of cpuSlabs.entries()) {
      count(cache, 0, Number(page !== 0));
      count(cache, 1, partials);
    }
  }
  for (const [cache, { partial }] of node.slub.nodes) {
    for (const page of partial) count(cache, 2, Number(node.pages.peek(page)?.active === 0));
  }
  return [...rows].flatMap(([cache, row]) => [cache, ...row]);
}
