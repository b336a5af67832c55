import type { RunResult } from '../schema.js';
import { formatCount } from './format.js';
import { valueText } from './header.js';
import { heading, paragraph, type TextOptions } from './paper.js';

/** What is still there at the end and what pins it. */
export function findingsLines(result: RunResult, options: TextOptions): string[] {
  if (result.findings.length === 0) return [];
  const lines = result.findings.flatMap((finding) => {
    const pins = Object.entries(finding.pinnedBy)
      .map(([what, value]) =>
        typeof value === 'number' ? `${formatCount(value)} ${what}` : `${what} ${valueText(value)}`,
      )
      .join(', ');
    const text = [`${formatCount(finding.count)} ${finding.class}`, pins && `pinned by ${pins}`, finding.detail];
    return paragraph(options, '  ', text.filter((part) => part !== undefined && part !== '').join(', '));
  });
  return [heading(options, 'Findings (something still holds them; not errors)'), ...lines];
}
