import type { MatrixResult, MatrixRow } from '../check.js';
import { counted, formatCount, formatNs } from './format.js';
import { heading, paragraph, type TextOptions } from './paper.js';
import { joinSections } from './render-run.js';
import { table } from './table.js';

function cellsOf(
  { patch, breaks, verdict, scenario, schedules, hostNs, asExpected, failure }: MatrixRow,
  unicode: boolean,
) {
  const found = verdict === undefined ? (failure?.detail ?? 'nothing') : `${verdict.class} (${verdict.id})`;
  return {
    cells: [
      patch ?? '(none)',
      breaks ?? '-',
      { text: found, style: asExpected ? ('green' as const) : ('red' as const) },
      formatCount(schedules),
      formatNs(hostNs, unicode),
      scenario ?? 'all',
    ],
  };
}

function leftOutLines({ version, leftOut, aimed }: MatrixResult, options: TextOptions): string[] {
  const reasons = [
    { why: `not for ${version}`, names: leftOut.filter((name) => !aimed.includes(name)) },
    { why: 'only found by a search aimed at it', names: aimed },
  ];
  return reasons.flatMap(({ why, names }) =>
    names.length === 0
      ? []
      : paragraph(options, '  left out: ', `${counted(names.length, 'mutation')}, ${why}: ${names.join(', ')}`),
  );
}

/** The matrix of mutations as text for people. */
export function renderMatrix(result: MatrixResult, options: TextOptions): string {
  const { rows } = result;
  const wrong = rows.filter(({ asExpected }) => !asExpected).length;
  const summary =
    wrong === 0 ? `all ${rows.length} as they should be` : `${wrong} of ${rows.length} not as they should be`;
  const columns = [
    { title: 'patch', align: 'left' },
    { title: 'breaks', align: 'left' },
    { title: 'found', align: 'left', wraps: true },
    { title: 'schedules', align: 'right' },
    { title: 'took', align: 'right' },
    { title: 'in', align: 'left', expendable: 1 },
  ] as const;
  return joinSections([
    [
      heading(options, `matrix of mutations on ${result.version}: ${summary}`),
      `  ${result.strategy}, seed ${result.seed}, at most ${formatCount(result.asked)} schedules of each of: ${result.scenarios.join(', ')}`,
    ],
    table(
      options,
      columns,
      rows.map((row) => cellsOf(row, options.unicode)),
    ),
    leftOutLines(result, options),
  ]);
}
