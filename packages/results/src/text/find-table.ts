import { publishedFind } from '../published-find.js';
import { entryNs, messagesOf, perEntry } from '../quantities.js';
import { callCount, type FindRepeat, type PhaseCounters, type RunResult } from '../schema.js';
import { welch } from '../welch.js';
import { formatCount, formatNs } from './format.js';
import { heading, type TextOptions } from './paper.js';
import { table } from './table.js';

const COLUMNS = ['real', 'user', 'sys'] as const;

/** `find-timing`: what one entry costs, and the published timings with what can be said of them. */
export function findTableLines(result: RunResult, options: TextOptions): string[] {
  const { find, phases } = result;
  if (find === undefined || phases.find === undefined) return [];
  const counts = (of: (phase: PhaseCounters) => number): string[] =>
    (['find', 'drop', 'drop-outlived'] as const).map((name) => perEntry(name, of)(result)?.toFixed(2) ?? '');
  const calls = (name: string): string[] => counts((phase) => callCount(phase, name));
  const timeOf = (part: keyof FindRepeat): string => {
    const ns = entryNs(result, part);
    return ns === undefined ? '-' : formatNs(ns);
  };
  const rows = [
    ['accounted allocations', ...calls('accounted_allocations')],
    ['messages', ...counts(messagesOf)],
    ['of these across nodes', ...counts(({ messages }) => messages.crossNode)],
    ['percpu_ref operations on the CPU', ...calls('percpu_ref_local')],
    ['percpu_ref operations on a shared word', ...calls('percpu_ref_shared')],
    ['time, mean of all rounds but the first', timeOf('findNs'), timeOf('dropNs'), ''],
  ];
  return [
    heading(options, `find over ${formatCount(find.entries)} entries, ${find.repeats.length} times; per entry`),
    ...table(
      options,
      [
        { title: 'what', align: 'left' },
        { title: 'find', align: 'right' },
        { title: 'drop_caches', align: 'right' },
        { title: 'drop_caches, memcg removed', align: 'right' },
      ],
      rows.map((cells) => ({ cells })),
    ),
    '',
    ...publishedLines(options),
  ];
}

/** Ten runs each, of a real machine: Welch’s t. */
function publishedLines(options: TextOptions): string[] {
  return [
    heading(options, 'Published: time of find in s, mean of ten runs each, before and after the patch of 2019'),
    ...table(
      options,
      [
        { title: 'time', align: 'left' },
        { title: 'before', align: 'right' },
        { title: 'after', align: 'right' },
        { title: 'change', align: 'right' },
        { title: 't', align: 'right' },
        { title: 'df', align: 'right' },
      ],
      COLUMNS.map((column) => {
        const { original, patched } = publishedFind[column];
        const { meanA, meanB, change, t, df } = welch(original, patched);
        const signed = (value: number, digits: number): string => `${value > 0 ? '+' : ''}${value.toFixed(digits)}`;
        const cells = [column, meanA.toFixed(4), meanB.toFixed(4), `${signed(100 * change, 1)} %`, signed(t, 1)];
        return { cells: [...cells, df.toFixed(0)] };
      }),
    ),
    '  real rises and sys falls, each at the edge of what chance does; the runs were selected: no conclusion either way',
  ];
}
