import { repeated, repetitions } from '../quantities.js';
import { callCount, type RunResult } from '../schema.js';
import { formatCount } from './format.js';
import { heading, type TextOptions } from './paper.js';
import { table } from './table.js';

/** `tune-slabinfo`: what one write to /proc/slabinfo costs, beside the law of a kernel that kicks on replacement. */
export function tuneTableLines(result: RunResult, options: TextOptions): string[] {
  const steps = repetitions(result);
  if (result.experiment !== 'tune-slabinfo' || !steps) return [];
  const ended = repeated(result) !== undefined;
  const children = Number(result.params.children ?? 0);
  const { nodes, cpusPerNode } = result.machine;
  const roots = 1 + children;
  const law = [
    ['kick_all_cpus_sync', callCount(result.counters, 'kick_all_cpus_sync'), '1+m', roots],
    ['synchronize_sched', callCount(result.counters, 'synchronize_sched'), '(1+m) x nodes', roots * nodes],
    ['IPIs sent', result.counters.ipi.sent, '(1+m) x (CPUs-1)', roots * (nodes * cpusPerNode - 1)],
  ] as const;
  return [
    heading(
      options,
      `${ended ? '' : 'Some of '}${formatCount(steps.count)} writes to /proc/slabinfo, m = ${formatCount(children)} memcg children`,
    ),
    ...table(
      options,
      [
        { title: 'what', align: 'left' },
        { title: 'in all', align: 'right' },
        { title: 'per write', align: 'right' },
        { title: 'a kernel that kicks on replacement', align: 'left' },
      ],
      law.map(([what, total, formula, expected]) => ({
        cells: [
          what,
          formatCount(total),
          ended ? formatCount(total / steps.count) : '-',
          `${formula} = ${formatCount(expected)}`,
        ],
      })),
    ),
  ];
}
