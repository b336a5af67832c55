import { paint, type Style, type TextOptions, wrap } from './paper.js';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Wraps its text when the table is too wide. At most one column of a table. */
  readonly wraps?: boolean;
  /** May be left out when the table is too wide; the highest number goes first. */
  readonly expendable?: number;
}

export type Cell = string | { readonly text: string; readonly style: Style };

export interface Row {
  readonly cells: readonly Cell[];
  readonly style?: Style;
}

const GAP = 2;

const textOf = (cell: Cell | undefined) => (cell === undefined ? '' : typeof cell === 'string' ? cell : cell.text);

function widthsOf(columns: readonly Column[], rows: readonly Row[]): number[] {
  return columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => textOf(row.cells[index]).length)),
  );
}

const total = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width + GAP, -GAP);

/** Drops expendable columns until the table fits or none is left. */
function fit(columns: readonly Column[], rows: readonly Row[], width: number) {
  let kept = columns.map((_, index) => index);
  const pick = <T>(list: readonly T[]) => kept.map((index) => list[index]).filter((item) => item !== undefined);
  const widths = widthsOf(columns, rows);
  const dropped: string[] = [];
  while (total(pick(widths)) > width) {
    const candidates = kept.filter((index) => columns[index]?.expendable !== undefined);
    const victim = candidates.sort((a, b) => (columns[b]?.expendable ?? 0) - (columns[a]?.expendable ?? 0))[0];
    if (victim === undefined) break;
    dropped.push(columns[victim]?.title ?? '');
    kept = kept.filter((index) => index !== victim);
  }
  return { kept, widths: pick(widths), dropped: dropped.reverse() };
}

/** Lines of an aligned table with a header; `indent` columns of space before each. No line ends in a space. */
export function table(options: TextOptions, columns: readonly Column[], rows: readonly Row[], indent = 2): string[] {
  const available = options.width - indent;
  const { kept, widths, dropped } = fit(columns, rows, available);
  const shown = kept.map((index) => columns[index] as Column);
  const wrapping = shown.findIndex((column) => column.wraps);
  if (wrapping >= 0 && total(widths) > available) {
    widths[wrapping] = Math.max(16, (widths[wrapping] ?? 0) - (total(widths) - available));
  }

  const line = (cells: readonly string[], styles: readonly (Style | undefined)[]) => {
    const padded = cells.map((cell, index) => {
      const width = widths[index] ?? 0;
      const last = index === cells.length - 1;
      if (shown[index]?.align === 'right') return cell.padStart(width);
      return last ? cell : cell.padEnd(width);
    });
    const text = padded.map((cell, index) => {
      const body = cell.trim();
      return body === '' ? cell : cell.replace(body, () => paint(options, styles[index], body));
    });
    return `${' '.repeat(indent)}${text.join(' '.repeat(GAP))}`.trimEnd();
  };

  const lines = [
    line(
      shown.map((column) => column.title),
      shown.map(() => 'dim'),
    ),
  ];
  for (const row of rows) {
    const cells = kept.map((index) => row.cells[index]);
    const styles = cells.map((cell) => (typeof cell === 'object' ? cell.style : row.style));
    const wrapped = cells.map((cell, index) =>
      index === wrapping ? wrap(textOf(cell), widths[index] ?? 16) : [textOf(cell)],
    );
    const height = Math.max(...wrapped.map((parts) => parts.length));
    for (let part = 0; part < height; part++) {
      lines.push(
        line(
          wrapped.map((parts) => parts[part] ?? ''),
          styles,
        ),
      );
    }
  }
  if (dropped.length > 0) lines.push(`${' '.repeat(indent)}(left out for want of width: ${dropped.join(', ')})`);
  return lines;
}
