import type { BugCaseResult, BugCell, BugMatrixResult } from '../bug-matrix.js';
import { counted, formatCount, formatNs } from './format.js';
import { heading, type TextOptions } from './paper.js';
import { joinSections } from './render-run.js';
import { table } from './table.js';

/** With more cases than this, only those that are not as expected are listed. */
const MOST_LISTED = 30;

const MARKS = { found: ['●', 'X'], conditional: ['○', 'o'], clean: ['–', '-'] } as const;

function markOf({ mark, asExpected }: BugCell, unicode: boolean): string {
  const shown = mark === undefined ? '?' : MARKS[mark][unicode ? 0 : 1];
  return asExpected ? shown : `${shown} !`;
}

/** Short enough for 11 columns: a variant, and its version where two columns have the same. */
function titleOf({ variant, kernel }: BugMatrixResult['columns'][number], all: BugMatrixResult['columns']): string {
  const twice = all.filter((other) => other.variant === variant).length > 1;
  return twice ? `${variant} ${kernel.split('+')[0]?.slice(1)}` : variant;
}

function matrixLines({ bugs, columns, cells }: BugMatrixResult, options: TextOptions): string[] {
  const shown = [
    { title: 'bug', align: 'left' },
    ...columns.map((column) => ({ title: titleOf(column, columns), align: 'left' as const })),
    { title: 'what', align: 'left', expendable: 1 },
  ] as const;
  const cellOf = (bug: string, kernel: string): string => {
    const cell = cells.find((candidate) => candidate.bug === bug && candidate.kernel === kernel);
    return cell === undefined ? '' : markOf(cell, options.unicode);
  };
  const rows = bugs.map(({ id, title }) => ({
    cells: [id, ...columns.map(({ kernel }) => cellOf(id, kernel)), title],
  }));
  return table(options, shown, rows);
}

function saw({ found, schedules, failure, others, other }: BugCaseResult): string {
  if (failure !== undefined) return `failed: ${failure.detail}`;
  const elsewise = others > 0 && !found ? `, ${formatCount(others)} ended with ${other}` : '';
  return `${found ? 'found in' : 'not in'} ${formatCount(schedules)}${elsewise}`;
}

function caseLines(cells: readonly BugCell[], options: TextOptions): string[] {
  const columns = [
    { title: 'bug', align: 'left' },
    { title: 'kernel', align: 'left' },
    { title: 'condition', align: 'left', wraps: true },
    { title: 'expected', align: 'left' },
    { title: 'schedules', align: 'left' },
    { title: 'took', align: 'right' },
    { title: 'replay file', align: 'left', expendable: 1 },
  ] as const;
  const rows = cells.flatMap(({ bug, cases }) =>
    cases.map((one) => ({
      cells: [
        bug,
        `${one.kernel}${one.config.includes('slub') ? ' slub' : ''}`,
        one.condition ?? '',
        one.expect,
        saw(one),
        formatNs(one.hostNs, options.unicode),
        one.replay ?? '',
      ],
    })),
  );
  return table(options, columns, rows);
}

/** Commands that show again what is not as it should be. */
const commandLines = (wrong: readonly BugCell[]): string[] =>
  wrong.map(({ bug, kernel }) => `  kmemlab matrix --bug ${bug} --kernel ${kernel}`);

/** The bug matrix as text for people. */
export function renderBugMatrix(result: BugMatrixResult, options: TextOptions): string {
  const { cells, wanted, asked, depth, seed } = result;
  const wrong = cells.filter(({ asExpected }) => !asExpected);
  const left = wanted - cells.length;
  const cases = cells.reduce((sum, cell) => sum + cell.cases.length, 0);
  const verdict =
    wrong.length === 0
      ? 'all as they should be'
      : `${formatCount(wrong.length)} not as ${wrong.length === 1 ? 'it' : 'they'} should be`;
  const marks = (['found', 'conditional', 'clean'] as const).map((mark) => MARKS[mark][options.unicode ? 0 : 1]);
  return joinSections([
    [
      heading(options, `bug matrix: ${counted(cells.length, 'cell')}, ${verdict}`),
      `  pct of depth ${depth}, seed ${seed}, at most ${formatCount(asked)} schedules for each case`,
      `  ${marks[0]} found, ${marks[1]} found under a condition, ${marks[2]} not found; empty: not asked, or not for this kernel`,
      ...(left > 0 ? [`  ${counted(left, 'cell')} not reached; run it again with the same --out`] : []),
    ],
    matrixLines(result, options),
    cases <= MOST_LISTED ? caseLines(cells, options) : wrong.length > 0 ? caseLines(wrong, options) : [],
    wrong.length > 0 ? ['  Look at one:', ...commandLines(wrong)] : [],
  ]);
}
