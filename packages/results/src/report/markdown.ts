import type { RunResult } from '../schema.js';
import { machineText } from '../text/header.js';
import { commandNotes, commandOf } from './command.js';
import { headlines } from './headline.js';
import { quantityRows } from './report.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

/** The same figures as text for a mail: headline, table and command in Markdown. */
export function renderMarkdown(results: readonly RunResult[]): string {
  const [run] = results;
  if (run === undefined) return '';
  const { head, rows } = quantityRows(results);
  const verdicts = results.flatMap(({ kernel, verdicts: found }) =>
    found.map(({ class: kind, id, detail = '' }) => `- **${kernel}: ${kind} (${id})** ${detail}`),
  );
  const lines = [
    `# ${run.experiment}`,
    '',
    ...headlines(results).flatMap((line) => [line, '']),
    `${machineText(run, { width: 100, color: false, unicode: true })}, ${run.config.join(', ')}`,
    '',
    ...(verdicts.length === 0 ? [] : [...verdicts, '']),
    row(head),
    `|${head.map((_, n) => (n === 0 ? ' --- |' : ' ---: |')).join('')}`,
    ...rows.map(row),
    '',
    'To run it again:',
    '',
    `    ${commandOf(results)}`,
    ...commandNotes(results).flatMap((note) => ['', note]),
  ];
  return `${lines.join('\n')}\n`;
}
