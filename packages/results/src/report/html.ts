import { element, escapeText } from '../chart/svg.js';

/** An element around text. */
export const textElement = (name: string, content: string, attributes: Readonly<Record<string, string>> = {}): string =>
  element(name, attributes, escapeText(content) || ' ');

/** A table of texts; the first column is left-aligned, the others hold numbers. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const headRow = element('tr', {}, head.map((cell) => textElement('th', cell, { scope: 'col' })).join(''));
  const body = rows.map(([label = '', ...cells]) =>
    element(
      'tr',
      {},
      textElement('th', label, { scope: 'row' }) + cells.map((cell) => textElement('td', cell)).join(''),
    ),
  );
  return element(
    'div',
    { class: 'scroll' },
    element('table', {}, element('thead', {}, headRow) + element('tbody', {}, body.join(''))),
  );
}

/** What things are, as a list of terms and texts. */
export const htmlTerms = (terms: readonly (readonly [string, string])[]): string =>
  element('dl', {}, terms.map(([term, content]) => textElement('dt', term) + textElement('dd', content)).join(''));

const COLOURS = {
  light: '--page:#fff;--ink:#1b2733;--quiet:#52616f;--grid:#dde3e8;--bad:#b3261e;--good:#0b6b3a',
  dark: '--page:#10161c;--ink:#e6edf3;--quiet:#a3b1bd;--grid:#2c3741;--bad:#ff8a80;--good:#6fd69b',
};

const STYLE = `
:root{${COLOURS.light};color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{${COLOURS.dark}}}
body{margin:0 auto;padding:1.5rem;max-width:62rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--grid)}
.headline{font-size:1.15rem}.quiet{color:var(--quiet)}.bad{color:var(--bad);font-weight:bold}.good{color:var(--good)}
figure{margin:1rem 0;break-inside:avoid}figure svg{width:100%;height:auto}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .8rem;border-bottom:1px solid var(--grid);text-align:right}th[scope=row],thead th:first-child{text-align:left;font-weight:normal}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--quiet)}dd{margin:0}
pre{overflow-x:auto;font:13px/1.4 ui-monospace,monospace;padding:.8rem;border:1px solid var(--grid);border-radius:6px}
code{font-family:ui-monospace,monospace}
@media print{body{max-width:none;padding:0;font-size:11pt}pre{white-space:pre-wrap}details>*{display:block}}
`;

/** A whole page in one file: nothing is loaded from elsewhere, and nothing runs in it. `body` is markup. */
export function htmlPage(title: string, body: readonly string[]): string {
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
${body.filter((part) => part !== '').join('\n')}
</body>
</html>
`;
}
