import type { Look } from './marks.js';
import type { Scale } from './scale.js';
import { STYLE } from './style.js';
import { element, escapeText, shortened, text, textWidth } from './svg.js';
import { tickLabel } from './tick-label.js';
import type { Axis } from './types.js';

/** Size of every chart, in units of its view box. */
export const WIDTH = 900;
export const HEIGHT = 540;

const TITLE = 18;
const LABEL = 13;
const TICK = 12;
const LEFT = 88;
const RIGHT = WIDTH - 28;
const BELOW_TITLE = 48;
const LEGEND_ROW = 22;
const SWATCH = 34;

/** Where a chart draws its data. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface LegendEntry {
  readonly name: string;
  /** Markup of a sample, drawn around 0,0 between −14 and 14. */
  readonly sample: string;
  readonly look: Look;
}

interface PlacedEntry extends LegendEntry {
  readonly shown: string;
  readonly x: number;
  readonly row: number;
}

/** Puts the entries one behind the other, in as many rows as it takes. */
function placed(entries: readonly LegendEntry[]): PlacedEntry[] {
  let x = LEFT;
  let row = 0;
  return entries.map((entry) => {
    const shown = shortened(entry.name, TICK, RIGHT - LEFT - SWATCH);
    const width = SWATCH + textWidth(shown, TICK) + 18;
    if (x > LEFT && x + width > RIGHT) {
      x = LEFT;
      row++;
    }
    const place = { ...entry, shown, x, row };
    x += width;
    return place;
  });
}

/** The part of a chart left for its data, below the title and a legend with these entries. `below` units are kept for the x axis. */
export function plotBelow(entries: readonly LegendEntry[], below = 58): Plot {
  const rows = entries.length === 0 ? 0 : (placed(entries).at(-1)?.row ?? 0) + 1;
  return { left: LEFT, right: RIGHT, top: BELOW_TITLE + rows * LEGEND_ROW + 8, bottom: HEIGHT - below };
}

export function legend(entries: readonly LegendEntry[]): string {
  const items = placed(entries).map(({ look, sample, shown, x, row }) => {
    const y = BELOW_TITLE + row * LEGEND_ROW;
    const transform = `translate(${x + 14} ${y})`;
    return (
      element('g', { class: look.group, transform }, sample) +
      text({ class: 'kc-ink', x: x + SWATCH, y: y + 4, 'font-size': TICK }, shown)
    );
  });
  return element('g', {}, items.join(''));
}

const labelOf = ({ label, unit }: Axis): string => (unit === undefined || unit === 'ns' ? label : `${label} (${unit})`);

export function xLabel(label: string, { left, right }: Plot): string {
  const shown = shortened(label, LABEL, right - left);
  return text(
    { class: 'kc-ink', x: (left + right) / 2, y: HEIGHT - 14, 'font-size': LABEL, 'text-anchor': 'middle' },
    shown,
  );
}

export function xAxis(axis: Axis, scale: Scale, plot: Plot): string {
  const ticks = scale.ticks.map((tick) => {
    const x = scale.at(tick);
    const label = { class: 'kc-quiet', x, y: plot.bottom + 18, 'font-size': TICK, 'text-anchor': 'middle' };
    const grid = { class: 'kc-grid', x1: x, y1: plot.top, x2: x, y2: plot.bottom };
    return element('line', grid) + text(label, tickLabel(tick, axis.unit));
  });
  return ticks.join('') + xLabel(labelOf(axis), plot);
}

export function yAxis(axis: Axis, scale: Scale, plot: Plot): string {
  const ticks = scale.ticks.map((tick) => {
    const y = scale.at(tick);
    const label = { class: 'kc-quiet', x: plot.left - 8, y: y + 4, 'font-size': TICK, 'text-anchor': 'end' };
    const grid = { class: 'kc-grid', x1: plot.left, y1: y, x2: plot.right, y2: y };
    return element('line', grid) + text(label, tickLabel(tick, axis.unit));
  });
  const middle = (plot.top + plot.bottom) / 2;
  const label = {
    class: 'kc-ink',
    transform: `translate(22 ${middle}) rotate(-90)`,
    'font-size': LABEL,
    'text-anchor': 'middle',
  };
  return ticks.join('') + text(label, shortened(labelOf(axis), LABEL, plot.bottom - plot.top));
}

/** The lines at the left and at the bottom; drawn over the grid. */
export const axisLines = ({ left, right, top, bottom }: Plot): string =>
  element('path', { class: 'kc-axis', fill: 'none', d: `M${left} ${top}V${bottom}H${right}` });

/** What stands in place of data if there is none. */
export const noData = ({ left, right, top, bottom }: Plot): string =>
  text(
    { class: 'kc-quiet', x: (left + right) / 2, y: (top + bottom) / 2, 'font-size': LABEL, 'text-anchor': 'middle' },
    'no data',
  );

/** The whole document around a chart's parts. */
export function chartDocument(title: string, description: string, parts: readonly string[], height = HEIGHT): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${WIDTH} ${height}`,
    'font-family': 'system-ui, sans-serif',
    role: 'img',
  };
  const head = [
    element('title', {}, escapeText(title)),
    element('desc', {}, escapeText(description)),
    element('style', {}, STYLE),
    element('rect', { class: 'kc-page', width: WIDTH, height, rx: 8 }),
    text(
      { class: 'kc-ink', x: 22, y: 28, 'font-size': TITLE, 'font-weight': 'bold' },
      shortened(title, TITLE, RIGHT - 22),
    ),
  ];
  return `${element('svg', attributes, `\n${[...head, ...parts].filter((part) => part !== '').join('\n')}\n`)}\n`;
}
