import type { NodeInventory } from '@kmemlab/kernel';
import { type Counters, callCount, type Finding } from '@kmemlab/results';

/**
 * Pages charged to another memcg than their cache's (3.14). What object-based accounting (5.9) lets through: objects beyond the limit in the measured window (V6-a), and counters that
 * went below zero since power-on (V6-d; the kernel warns once); what the stocks of dead CPUs hold (V6-e), and vectors that hold each
 * other (V6-f), at the end.
 */
export function chargeFindings(
  window: Counters,
  sums: Readonly<Record<string, number>>,
  inventories: readonly NodeInventory[],
): Finding[] {
  const total = (field: 'deadStocks' | 'heldVectors'): number =>
    inventories.reduce((sum, inventory) => sum + inventory[field], 0);
  const findings: Finding[] = [
    {
      class: 'unaccounted',
      count: callCount(window, 'over_limit_allocations'),
      pinnedBy: {},
      detail: 'slab objects handed out although the memcg may not be charged for them: the limit is not enforced',
    },
    {
      class: 'negative-counter',
      count: sums.page_counter_underflow ?? 0,
      pinnedBy: {},
      detail:
        'times that a page counter went below zero: what the root inherited without use_hierarchy was never charged to it',
    },
    {
      class: 'dead-cpu-stock',
      count: total('deadStocks'),
      pinnedBy: {},
      detail: 'CPUs that are down and whose stock holds an obj_cgroup, with the bytes that it was charged',
    },
    {
      class: 'held-vector',
      count: total('heldVectors'),
      pinnedBy: {},
      detail:
        'slab blocks that hold each other by the vectors of their objects’ owners, or themselves: they never become empty',
    },
    {
      class: 'mischarge',
      count: sums.mischarged_pages ?? 0,
      pinnedBy: {},
      detail:
        'pages of a cache that another memcg was charged for than the cache’s: their task had been moved meanwhile',
    },
  ];
  return findings.filter(({ count }) => count > 0);
}
