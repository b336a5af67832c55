import type { IsolatedCpu, RunResult } from '../schema.js';
import { formatCount, formatNs } from './format.js';
import { heading, type TextOptions } from './paper.js';
import { type Row, table } from './table.js';

/** The causes, in the order of the table's columns. */
const CAUSES = ['CAL', 'RES', 'LOC', 'softirqs', 'contextSwitches'] as const satisfies readonly (keyof IsolatedCpu)[];
const TITLES = ['CAL', 'RES', 'LOC', 'softirqs', 'switches'];

/** What took each isolated CPU from its busy user task in the measured window. */
export function isolatedCpusLines(result: RunResult, options: TextOptions): string[] {
  const { isolated } = result.counters;
  if (isolated === undefined) return [];
  const cells = (cpus: readonly IsolatedCpu[]): string[] => {
    const sum = (cause: keyof IsolatedCpu) => cpus.reduce((all, cpu) => all + cpu[cause], 0);
    return [...CAUSES.map((cause) => formatCount(sum(cause))), formatNs(sum('stolenNs'), options.unicode)];
  };
  const rows: Row[] = isolated.map((cpu) => ({ cells: [`CPU${cpu.cpu}`, ...cells([cpu])] }));
  if (isolated.length > 1) rows.push({ cells: ['all', ...cells(isolated)], style: 'bold' });
  const columns = [...TITLES, 'time taken'].map((title) => ({ title, align: 'right' as const }));
  return [
    heading(options, 'Interruptions per isolated CPU in the measured window'),
    ...table(options, [{ title: '', align: 'left' }, ...columns], rows),
  ];
}
