import { formatCount } from '../text/format.js';
import { chartDocument, WIDTH } from './frame.js';
import { seriesClass } from './style.js';
import { element, shortened, text, textWidth } from './svg.js';
import { ChartError, type HeatMap } from './types.js';

const TOP = 78;
const ROW = 30;
const TICK = 12;
const LEFT_MOST = 300;
const RIGHT = WIDTH - 28;
/** The faintest cell that is not 0, as opacity. */
const FAINTEST = 0.12;
/** Opacity of the largest count: no more than what ink can still be read on, on light and dark paper. */
const DARKEST = 0.55;

/**
 * A table of counts as SVG text, each cell as dark as its count is large, with the count in it where it fits. Cells are
 * shades of one colour, so that they differ for every reader. The same map gives the same text.
 * @throws ChartError if a count is negative or not finite, or a row has not one value for each column
 */
export function heatMap({ title, description, x, rows }: HeatMap): string {
  check({ title, description, x, rows });
  const names = rows.map(({ name }) => textWidth(name, TICK));
  const left = Math.min(LEFT_MOST, Math.max(60, ...names) + 30);
  const width = (RIGHT - left) / Math.max(1, x.categories.length);
  const most = Math.max(0, ...rows.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const heads = x.categories.map((category, n) => {
    const at = { x: left + (n + 0.5) * width, y: TOP - 8, 'font-size': TICK, 'text-anchor': 'middle' };
    return textWidth(category, TICK) > width ? '' : text({ class: 'kc-quiet', ...at }, category);
  });
  const cells = rows.map(({ name, values }, row) => {
    const y = TOP + row * ROW;
    const label = shortened(name, TICK, left - 30);
    return [
      text({ class: 'kc-ink', x: left - 10, y: y + 20, 'font-size': TICK, 'text-anchor': 'end' }, label),
      ...values.map((value, n) => cell(value, most, { x: left + n * width, y, width })),
    ].join('');
  });
  const height = TOP + rows.length * ROW + 44;
  const label = text(
    { class: 'kc-ink', x: (left + RIGHT) / 2, y: height - 16, 'font-size': 13, 'text-anchor': 'middle' },
    x.label,
  );
  return chartDocument(title, description, [...heads, ...cells, label], height);
}

function cell(value: number | undefined, most: number, at: { x: number; y: number; width: number }): string {
  if (value === undefined) return '';
  const opacity = value === 0 || most === 0 ? 0 : FAINTEST + (DARKEST - FAINTEST) * (value / most);
  const box = { x: at.x + 1, y: at.y + 1, width: Math.max(1, at.width - 2), height: ROW - 2, rx: 2 };
  const shade = element('rect', { ...box, class: seriesClass(0), stroke: 'none', 'fill-opacity': opacity });
  const shown = formatCount(value);
  if (textWidth(shown, TICK) > at.width - 4) return element('g', {}, element('title', {}, shown) + shade);
  const place = { x: at.x + at.width / 2, y: at.y + 20, 'font-size': TICK, 'text-anchor': 'middle' };
  return shade + text({ class: 'kc-ink', ...place }, shown);
}

function check({ x, rows }: HeatMap): void {
  for (const { name, values } of rows) {
    if (values.length !== x.categories.length) {
      throw new ChartError(
        name,
        `it has ${values.length} values for ${x.categories.length} columns; give one for each`,
      );
    }
    for (const [n, value] of values.entries()) {
      if (value !== undefined && !(value >= 0 && Number.isFinite(value))) {
        throw new ChartError(name, `column ${n + 1} is ${value}; a heat map needs counts`);
      }
    }
  }
}
