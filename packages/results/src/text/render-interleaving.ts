import type { Interleaving, InterleavingRow } from '../check.js';
import { counted, formatCount } from './format.js';
import { paint, type Style, type TextOptions } from './paper.js';

/** Rows before the first stall or conflict that are shown, too. */
const LEAD = 12;
const GAP = 2;
const LEAST_COLUMN = 14;

const STYLES: Readonly<Record<InterleavingRow['kind'], Style | undefined>> = {
  step: undefined,
  stall: 'yellow',
  conflict: 'red',
};

/** One column per CPU, one line for each thing that happened. `all`: also what happened before anything went another way. */
export function renderInterleaving(
  interleaving: Interleaving,
  options: TextOptions & { readonly all: boolean },
): string {
  const { rows, cpus } = interleaving;
  const first = options.all ? 0 : Math.max(0, rows.findIndex(({ kind }) => kind !== 'step') - LEAD);
  const used = Array.from({ length: cpus }, (_, cpu) => cpu).filter((cpu) => rows.some((row) => row.cpu === cpu));
  const times = rows.map(({ time }) => formatCount(Math.round(time)));
  const clock = Math.max('model ns'.length, ...times.map(({ length }) => length));
  const column = Math.max(LEAST_COLUMN, Math.floor((options.width - clock) / used.length) - GAP);
  const line = (time: string, cells: readonly string[]): string =>
    [time.padStart(clock), ...cells].join(' '.repeat(GAP)).trimEnd();
  const head = line(
    'model ns',
    used.map((cpu) => `CPU${cpu}`.padEnd(column)),
  );
  const lines = [paint(options, 'bold', head)];
  const dots = options.unicode ? '…' : '...';
  if (first > 0) lines.push(`${' '.repeat(clock + GAP)}${dots} ${counted(first, 'step')} before (--all shows them)`);
  for (let index = first; index < rows.length; index++) {
    const row = rows[index] as InterleavingRow;
    const mark = row.kind === 'conflict' ? (options.unicode ? '✗ ' : '! ') : row.kind === 'stall' ? '~ ' : '';
    const text = shorten(mark + row.text, column, options);
    const cells = used.map((cpu) =>
      cpu === row.cpu ? paint(options, STYLES[row.kind], text) + ' '.repeat(column - text.length) : ' '.repeat(column),
    );
    lines.push(line(times[index] as string, cells));
  }
  return `${lines.join('\n')}\n`;
}

function shorten(text: string, width: number, { unicode }: TextOptions): string {
  if (text.length <= width) return text;
  return unicode ? `${text.slice(0, width - 1)}…` : `${text.slice(0, width - 2)}..`;
}
