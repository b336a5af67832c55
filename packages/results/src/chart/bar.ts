import { checkValue, extentOf } from './check.js';
import {
  axisLines,
  chartDocument,
  type LegendEntry,
  legend,
  noData,
  type Plot,
  plotBelow,
  xLabel,
  yAxis,
} from './frame.js';
import { errorBar, type Look, looksOf, marker } from './marks.js';
import { type Scale, scaleFor } from './scale.js';
import { coordinate, element, shortened, text, textWidth } from './svg.js';
import { type BarChart, type BarSeries, ChartError, type Value } from './types.js';

const TICK = 12;
const LONGEST_LABEL = 150;
/** Share of a category's width that its bars take. */
const FILLED = 0.76;
const WIDEST_BAR = 60;

interface Bands {
  /** Middle of a category. */
  at(category: number): number;
  readonly width: number;
}

function bandsOf(count: number, { left, right }: Plot): Bands {
  const width = (right - left) / Math.max(1, count);
  return { width, at: (category) => left + (category + 0.5) * width };
}

const present = (values: readonly (Value | undefined)[]): Value[] => values.filter((value) => value !== undefined);

function check({ x, y, series }: BarChart): void {
  const { length } = x.categories;
  for (const { name, values } of series) {
    if (values.length !== length)
      throw new ChartError(name, `it has ${values.length} values for ${length} categories; give one for each`);
    values.forEach((value, n) => {
      if (value !== undefined) checkValue(name, JSON.stringify(x.categories[n]), value, y);
    });
  }
}

/** Names of the categories, slanted if they are too wide to stand side by side. */
function categoryLabels(categories: readonly string[], slanted: boolean, bands: Bands, { bottom }: Plot): string {
  return categories
    .map((category, n) => {
      const common = { class: 'kc-quiet', 'font-size': TICK };
      const x = bands.at(n);
      if (!slanted) return text({ ...common, x, y: bottom + 18, 'text-anchor': 'middle' }, category);
      const transform = `translate(${x + 4} ${bottom + 14}) rotate(-35)`;
      return text({ ...common, transform, 'text-anchor': 'end' }, shortened(category, TICK, LONGEST_LABEL));
    })
    .join('');
}

/** The bars of one series, `place` of `places` in each group. */
function bars({ values }: BarSeries, { group }: Look, place: number, places: number, bands: Bands, y: Scale): string {
  const width = Math.min((bands.width * FILLED) / places, WIDEST_BAR);
  const base = baseOf(y);
  const drawn = values.map((value, n) => {
    if (value === undefined) return '';
    const x = bands.at(n) + (place - places / 2) * width;
    const end = y.at(value.y);
    const box = { x: x + 1, y: Math.min(base, end), width: width - 2, height: Math.abs(base - end), stroke: 'none' };
    const error = element('g', { class: 'kc-reference' }, errorBar(value, x + width / 2, y) || ' ');
    return element('rect', box) + error;
  });
  return element('g', { class: group }, drawn.join('') || ' ');
}

function references({ values }: BarSeries, look: Look, bands: Bands, y: Scale): string {
  const drawn = values.map((value, n) => {
    if (value === undefined) return '';
    return errorBar(value, bands.at(n), y) + marker(look, bands.at(n), y.at(value.y));
  });
  return element('g', { class: look.group }, drawn.join('') || ' ');
}

/** What the bars stand on. */
const baseOf = (y: Scale): number => y.at(y.kind === 'linear' ? 0 : y.domain[0]);

const baseLine = (y: Scale, { left, right }: Plot): string =>
  element('path', { class: 'kc-axis', d: `M${left} ${coordinate(baseOf(y))}H${right}` });

const BAR_SAMPLE = element('rect', { x: -9, y: -6, width: 18, height: 12, stroke: 'none' });

/**
 * A bar chart as SVG text: a group of bars for each category, references as marks over its middle. Bars stand on 0, on a
 * logarithmic axis on its lower end. The same chart gives the same text.
 * @throws ChartError if a number is not finite, or not positive on a logarithmic axis, or a series has not one value for each category
 */
export function barChart(chart: BarChart): string {
  check(chart);
  const { title, description, x, series } = chart;
  const looks = looksOf(series);
  const entries: LegendEntry[] = series.map(({ name, reference }, n) => {
    const look = looks[n] as Look;
    return { name, look, sample: reference === true ? marker(look, 0, 0) : BAR_SAMPLE };
  });
  const widest = x.categories.reduce((most, category) => Math.max(most, textWidth(category, TICK)), 0);
  const slanted = widest + 8 > bandsOf(x.categories.length, plotBelow(entries)).width;
  const plot = plotBelow(entries, slanted ? 58 + 0.57 * Math.min(widest, LONGEST_LABEL) : 58);
  const values = extentOf(series.flatMap((one) => present(one.values)));
  if (values.length === 0) {
    const parts = [legend(entries), xLabel(x.label, plot), axisLines(plot), noData(plot)];
    return chartDocument(title, description, parts);
  }
  const isLinear = (chart.y.scale ?? 'linear') === 'linear';
  const y = scaleFor(chart.y, isLinear ? [0, ...values] : values, plot.bottom, plot.top);
  const bands = bandsOf(x.categories.length, plot);
  const places = series.filter(({ reference }) => reference !== true).length;
  let place = 0;
  const data = series.map((one, n) => {
    const look = looks[n] as Look;
    return one.reference === true ? references(one, look, bands, y) : bars(one, look, place++, places, bands, y);
  });
  const front = data.filter((_, n) => series[n]?.reference === true);
  const back = data.filter((_, n) => series[n]?.reference !== true);
  const axes = [yAxis(chart.y, y, plot), categoryLabels(x.categories, slanted, bands, plot), xLabel(x.label, plot)];
  return chartDocument(title, description, [
    legend(entries),
    ...axes,
    ...back,
    baseLine(y, plot),
    axisLines(plot),
    ...front,
  ]);
}
