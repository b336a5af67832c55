/** How text may look. `width` in columns. */
export interface TextOptions {
  readonly width: number;
  /** ANSI colours; the caller has considered NO_COLOR and whether anybody watches. */
  readonly color: boolean;
  /** Characters outside ASCII: bars, µ, ×. */
  readonly unicode: boolean;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** The text in a style, or unchanged when colour is off. */
export function paint(options: TextOptions, style: Style | undefined, text: string): string {
  if (!options.color || style === undefined || text === '') return text;
  const [on, off] = CODES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** Breaks text at spaces into lines of at most `width` columns; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line.trimEnd());
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A paragraph, its first line after `lead`, the others indented to match. */
export function paragraph(options: TextOptions, lead: string, text: string): string[] {
  const lines = wrap(text, Math.max(20, options.width - lead.length));
  return lines.map((line, index) => `${index === 0 ? lead : ' '.repeat(lead.length)}${line}`);
}

export function heading(options: TextOptions, text: string): string {
  return paint(options, 'bold', text);
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A horizontal bar of at most `width` columns for `value` out of `max`; anything above 0 shows. */
export function bar(options: TextOptions, value: number, max: number, width: number): string {
  if (value <= 0 || max <= 0) return '';
  const exact = (value / max) * width;
  if (!options.unicode) return '#'.repeat(Math.max(1, Math.round(exact)));
  const eighths = Math.max(1, Math.round(exact * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] as string);
}
