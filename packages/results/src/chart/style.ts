/**
 * Colours of series by Okabe and Ito (Color Universal Design, 2008), which readers with any colour vision tell apart, for a
 * light and a dark page; without their yellow, which is lost on white.
 */
const COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#4ba3d9'],
  ['#d55e00', '#ef7f2b'],
  ['#009e73', '#1fc294'],
  ['#cc79a7', '#dd92bb'],
  ['#e69f00', '#f2b021'],
  ['#56b4e9', '#8fd0f7'],
];

const DASHES = ['none', '7 3', '2 3', '9 3 2 3', '12 4', '4 4'];

const LIGHT = { page: '#ffffff', ink: '#1b2733', quiet: '#52616f', grid: '#dde3e8' };
const DARK = { page: '#10161c', ink: '#e6edf3', quiet: '#a3b1bd', grid: '#2c3741' };

function rules(paper: typeof LIGHT, which: 0 | 1): string {
  const fixed = [
    `.kc-page{fill:${paper.page}}`,
    `.kc-ink{fill:${paper.ink}}`,
    `.kc-quiet{fill:${paper.quiet}}`,
    `.kc-grid{stroke:${paper.grid}}`,
    `.kc-axis{stroke:${paper.quiet}}`,
    `.kc-reference{stroke:${paper.ink};fill:${paper.ink}}`,
    `.kc-hollow{fill:${paper.page}}`,
    `.kc-lane{stroke:${paper.grid}}`,
    `.kc-box{fill:${paper.page};stroke:${paper.quiet}}`,
  ];
  return [...fixed, ...COLOURS.map((pair, n) => `.kc-s${n}{stroke:${pair[which]};fill:${pair[which]}}`)].join('');
}

/** The style sheet of every chart. Class names begin with `kc-`, so that charts can stand in a page. */
export const STYLE = [
  '.kc-line{fill:none;stroke-width:2;stroke-linejoin:round}',
  '.kc-error{fill:none;stroke-width:1.2}',
  '.kc-hollow{stroke-width:1.6}',
  rules(LIGHT, 0),
  `@media screen and (prefers-color-scheme:dark){${rules(DARK, 1)}}`,
].join('');

/** Class of a series; `index` counts the series that are no references. */
export const seriesClass = (index: number): string => `kc-s${index % COLOURS.length}`;

/** With each round through the colours another one, so that 36 series differ. */
export const dashOf = (index: number): string =>
  DASHES[(index + Math.floor(index / COLOURS.length)) % DASHES.length] as string;
