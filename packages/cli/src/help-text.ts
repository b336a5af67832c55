import { wrap } from '@kmemlab/results';

/** Prose is easier to read in lines no longer than this. */
const MOST_WIDTH = 100;
/** A second column that begins further right is not kept: too little would be left for it. */
const MOST_INDENT = 0.6;

/** A line of prose that the next one continues: no heading, no table, no example. */
const isProse = (line: string): boolean => /^\S/.test(line) && !/^[A-Z]+$/.test(line) && !/\S {2,}\S/.test(line);
/** Commands stay whole, so that they can be copied. */
const isCommand = (line: string): boolean => /^\s+(npx )?kmemlab /.test(line);

/** Joins the lines of each paragraph of prose. */
function paragraphs(lines: readonly string[]): string[] {
  const joined: string[] = [];
  let before = '';
  for (const line of lines) {
    if (isProse(line) && isProse(before)) joined.push(`${joined.pop()} ${line}`);
    else joined.push(line);
    before = line;
  }
  return joined;
}

/** A line broken at spaces, what follows below its last column. */
function broken(line: string, width: number): string[] {
  if (line.length <= width || isCommand(line)) return [line];
  const columns = [...line.matchAll(/\s{2,}(?=\S)|^(?=\S)/g)].map(({ index, 0: gap }) => index + gap.length);
  const indent = columns.filter((column) => column <= width * MOST_INDENT).at(-1) ?? 0;
  const [first = '', ...rest] = wrap(line.slice(indent), width - indent);
  return [line.slice(0, indent) + first, ...rest.map((part) => ' '.repeat(indent) + part)];
}

/** A row of the table of flags: what stands before the name, the name with its brackets, the rest. */
const FLAG_ROW = /^(\s+(?:-\w\s+)?)(\[?--([a-z-]+)\]?(?:\.\.\.)?) {2,}(\S.*)$/;
/** A switch that is not given is off: no row need say so. */
const OFF = /\s+\[default = false\]$/;

/** The rows of the table of flags, each with what its flag takes. */
function withValues(lines: readonly string[], takes: (flag: string) => string | undefined): readonly string[] {
  const rows = lines.map((line) => {
    const [, before = '', label = '', name = '', rest = ''] = FLAG_ROW.exec(line) ?? [];
    const value = takes(name);
    const start = value === undefined ? before + label : before + label.replace(name, `${name} ${value}`);
    return { start, rest: rest.replace(OFF, '') };
  });
  const column = Math.max(...rows.map(({ start }) => start.length)) + 2;
  return lines.map((line, index) => {
    const { start = '', rest = '' } = rows[index] ?? {};
    return start === '' ? line : start.padEnd(column) + rest;
  });
}

/**
 * A help text for a terminal of `columns`; prose fills its lines, tables keep their columns, commands stay whole.
 * @param takes what a flag takes, e.g. FILE; undefined for a switch
 */
export function fitHelp(text: string, columns: number, takes: (flag: string) => string | undefined): string {
  const width = Math.min(MOST_WIDTH, columns);
  return paragraphs(withValues(text.split('\n'), takes))
    .flatMap((line) => broken(line, width))
    .join('\n');
}
