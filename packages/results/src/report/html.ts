import { element, escapeText } from '../chart/svg.js';
import { STYLE } from './page-style.js';
import type { NamedChart } from './types.js';

/** An element around text. */
export const textElement = (name: string, content: string, attributes: Readonly<Record<string, string>> = {}): string =>
  element(name, attributes, escapeText(content) || ' ');

/** What may be wider than the page, in a box of its own that scrolls, by keyboard too. */
const scrolling = (label: string, content: string): string =>
  element('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, content);

/** A table of texts; the first column is left-aligned, the others hold numbers, or text if `words`. */
export function htmlTable(
  label: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  words = false,
): string {
  const headRow = element('tr', {}, head.map((cell) => textElement('th', cell, { scope: 'col' })).join(''));
  const body = rows.map(([first = '', ...cells]) =>
    element(
      'tr',
      {},
      textElement('th', first, { scope: 'row' }) + cells.map((cell) => textElement('td', cell)).join(''),
    ),
  );
  const table = element(
    'table',
    words ? { class: 'words' } : {},
    element('thead', {}, headRow) + element('tbody', {}, body.join('')),
  );
  return scrolling(label, table);
}

/** What things are, as a list of terms and texts. */
export const htmlTerms = (terms: readonly (readonly [string, string])[]): string =>
  element('dl', {}, terms.map(([term, content]) => textElement('dt', term) + textElement('dd', content)).join(''));

/** A picture with what it shows below it. */
export const htmlFigure = ({ name, title, caption, svg }: NamedChart): string =>
  element('figure', { id: name }, scrolling(title, svg) + textElement('figcaption', caption));

/** A part of the page. */
export interface Section {
  readonly title: string;
  /** Markup; a section without any is left out. */
  readonly parts: readonly string[];
}

const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z]+/g, '-')
    .replace(/^-|-$/g, '');

const sectionMarkup = ({ title, parts }: Section): string =>
  element('section', { id: anchorOf(title) }, [textElement('h2', title), ...parts].join('\n'));

const contents = (sections: readonly Section[]): string =>
  element(
    'nav',
    { 'aria-label': 'Contents' },
    sections.map(({ title }) => textElement('a', title, { href: `#${anchorOf(title)}` })).join('\n'),
  );

/** A whole page in one file: nothing is loaded from elsewhere, and nothing runs in it. `head` is markup above the sections. */
export function htmlPage(title: string, head: readonly string[], sections: readonly Section[]): string {
  const shown = sections.filter(({ parts }) => parts.some((part) => part !== ''));
  const body = [textElement('h1', title), ...head, contents(shown), ...shown.map(sectionMarkup)];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}
