import { heatMap } from '../chart/heat-map.js';
import { firstOf, type KernelRuns } from '../kernel-runs.js';
import type { NamedChart } from './types.js';

/** Received call-function interrupts per CPU: a row per node, of every kernel. */
export function ipiMap(groups: readonly KernelRuns[]): NamedChart | undefined {
  const { nodes, cpusPerNode } = firstOf(groups[0] as KernelRuns).machine;
  if (groups.every((group) => firstOf(group).counters.ipi.received === 0)) return undefined;
  const rows = groups.flatMap((group) => {
    const { receivedBy } = firstOf(group).counters.ipi;
    return Array.from({ length: nodes }, (_, node) => ({
      name: `${group.kernel}, node ${node}`,
      values: Array.from({ length: cpusPerNode }, (_, index) => receivedBy[node * cpusPerNode + index] ?? 0),
    }));
  });
  const title = 'Function call interrupts per CPU';
  const caption =
    'How often each CPU was interrupted by another one in the measured window: one row for each NUMA node of each kernel, the darker the more. A CPU does not interrupt itself, so whoever sends has fewer.';
  const categories = Array.from({ length: cpusPerNode }, (_, index) => `CPU ${index}`);
  return {
    name: 'ipis-per-cpu',
    title,
    caption,
    svg: heatMap({ title, description: caption, x: { label: 'CPU of its node', categories }, rows }),
  };
}

/** Messages from each node to each node; of the live machine only, which counts them. */
export function nodePairs(groups: readonly KernelRuns[]): NamedChart | undefined {
  const counted = groups.filter((group) => (firstOf(group).live?.messages.byNodePair.length ?? 0) > 1);
  if (counted.length === 0) return undefined;
  const rows = counted.flatMap((group) =>
    (firstOf(group).live?.messages.byNodePair ?? []).map((values, node) => ({
      name: `${group.kernel}, node ${node}`,
      values: [...values],
    })),
  );
  const title = 'Messages from node to node';
  const caption =
    'Who had to speak to whom in the measured window: from the node of the row to the node of the column. What is off the diagonal crossed the interconnect.';
  const categories = Array.from({ length: firstOf(counted[0] as KernelRuns).machine.nodes }, (_, n) => `node ${n}`);
  return {
    name: 'node-pairs',
    title,
    caption,
    svg: heatMap({ title, description: caption, x: { label: 'to', categories }, rows }),
  };
}
