import { barChart } from '../chart/bar.js';
import { type KernelRuns, valueOver } from '../kernel-runs.js';
import type { RunResult } from '../schema.js';
import type { NamedChart } from './types.js';

/** Kinds of message that are shown one by one. */
const MOST_KINDS = 12;

type Distance = 'within a node' | 'across nodes';

/** Messages of a kind; undefined in documents that do not tell distances apart. */
function countOf({ counters: { messages } }: RunResult, kind: string, distance: Distance): number | undefined {
  if (messages.crossNodeByKind === undefined) return undefined;
  const across = messages.crossNodeByKind[kind] ?? 0;
  return distance === 'across nodes' ? across : (messages.byKind[kind] ?? 0) - across;
}

function byKind(groups: readonly KernelRuns[], distance: Distance, name: string): NamedChart | undefined {
  const runs = groups.flatMap((group) => group.runs);
  const kinds = [...new Set(runs.flatMap((run) => Object.keys(run.counters.messages.byKind)))];
  const most = (kind: string): number => Math.max(0, ...runs.map((run) => countOf(run, kind, distance) ?? 0));
  const sizes = kinds.map((kind) => ({ kind, size: most(kind) })).filter(({ size }) => size > 0);
  const categories = sizes
    .sort((a, b) => b.size - a.size || (a.kind < b.kind ? -1 : 1))
    .slice(0, MOST_KINDS)
    .map(({ kind }) => kind);
  if (categories.length === 0) return undefined;
  const title = `Messages ${distance}, by kind`;
  const rest = sizes.length > MOST_KINDS ? ` The ${MOST_KINDS} most frequent of ${sizes.length} kinds.` : '';
  const why =
    distance === 'within a node'
      ? 'Accesses to memory that has its home on the same NUMA node as the CPU: a cache line moves between neighbours.'
      : 'Accesses to memory that has its home on another NUMA node: each crosses the interconnect and costs a few times as much.';
  const caption = `${why} Named by what is done there.${rest}`;
  const series = groups.map((group) => ({
    name: group.kernel,
    values: categories.map((kind) => valueOver(group.runs, (run) => countOf(run, kind, distance))),
  }));
  const x = { label: 'kind of message', categories };
  return { name, title, caption, svg: barChart({ title, description: caption, x, y: { label: 'messages' }, series }) };
}

/** Messages of each kind, near and far. */
export const messageCharts = (groups: readonly KernelRuns[]): (NamedChart | undefined)[] => [
  byKind(groups, 'within a node', 'messages-same-node'),
  byKind(groups, 'across nodes', 'messages-cross-node'),
];
