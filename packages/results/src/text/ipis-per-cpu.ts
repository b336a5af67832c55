import type { RunResult } from '../schema.js';
import { formatCount } from './format.js';
import { bar, heading, type TextOptions } from './paper.js';
import { type Row, table } from './table.js';

/** With more CPUs than this, a row is a node. */
const MOST_CPU_ROWS = 32;
const BAR_WIDTH = 20;

interface Line {
  readonly name: string;
  readonly cpus: readonly number[];
}

function linesOf(result: RunResult): Line[] {
  const { nodes, cpusPerNode } = result.machine;
  const cpusOf = (node: number) => Array.from({ length: cpusPerNode }, (_, index) => node * cpusPerNode + index);
  const nodeNumbers = Array.from({ length: nodes }, (_, node) => node);
  if (nodes * cpusPerNode > MOST_CPU_ROWS) {
    return nodeNumbers.map((node) => ({ name: `node ${node} (${cpusPerNode} CPUs)`, cpus: cpusOf(node) }));
  }
  return nodeNumbers.flatMap((node) =>
    cpusOf(node).map((cpu) => ({ name: nodes > 1 ? `CPU${cpu} (node ${node})` : `CPU${cpu}`, cpus: [cpu] })),
  );
}

/** IPIs of the measured window per CPU, or per node on a large machine, and how many crossed nodes. */
export function ipisPerCpuLines(result: RunResult, options: TextOptions): string[] {
  const { ipi, interrupts } = result.counters;
  const columns = [ipi.sentBy, ipi.receivedBy, ipi.mergedBy, interrupts.CAL, interrupts.RES];
  const lines = linesOf(result);
  const totalOf = (column: readonly number[], cpus: readonly number[]) =>
    cpus.reduce((sum, cpu) => sum + (column[cpu] ?? 0), 0);
  const most = Math.max(...lines.map(({ cpus }) => totalOf(ipi.receivedBy, cpus)));
  const rows: Row[] = lines.map(({ name, cpus }) => {
    const received = totalOf(ipi.receivedBy, cpus);
    const counts = columns.map((column) => formatCount(totalOf(column, cpus)));
    return { cells: [name, ...counts, { text: bar(options, received, most, BAR_WIDTH), style: 'cyan' }] };
  });
  const all = lines.flatMap(({ cpus }) => cpus);
  rows.push({ cells: ['all', ...columns.map((column) => formatCount(totalOf(column, all))), ''], style: 'bold' });
  const crossing = `${formatCount(ipi.sameNode)} within a node, ${formatCount(ipi.crossNode)} across nodes`;
  const requests = `${formatCount(ipi.csd)} call requests (csd) queued`;
  return [
    heading(options, 'IPIs per CPU in the measured window'),
    ...table(
      options,
      [
        { title: '', align: 'left' },
        { title: 'sent', align: 'right' },
        { title: 'received', align: 'right' },
        { title: 'merged', align: 'right' },
        { title: 'CAL', align: 'right' },
        { title: 'RES', align: 'right' },
        { title: 'received', align: 'left', expendable: 1 },
      ],
      rows,
    ),
    `  sent: ${crossing}; ${requests}`,
  ];
}
