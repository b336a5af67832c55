import { checkNumber, checkValue, extentOf } from './check.js';
import {
  axisLines,
  chartDocument,
  type LegendEntry,
  legend,
  noData,
  plotBelow,
  xAxis,
  xLabel,
  yAxis,
} from './frame.js';
import { errorBar, type Look, line, looksOf, marker } from './marks.js';
import { type Scale, scaleFor } from './scale.js';
import { element } from './svg.js';
import type { PointChart, PointSeries } from './types.js';

/** A point in coordinates. */
type Place = readonly [number, number];

/** How a series is drawn: its points joined by a line, with markers, in steps. */
interface How {
  readonly joined: boolean;
  readonly shown: boolean;
  readonly steps: boolean;
}

interface Scales {
  readonly x: Scale;
  readonly y: Scale;
}

function check({ x, y, series }: PointChart): void {
  for (const { name, points } of series) {
    points.forEach((point, n) => {
      checkNumber(name, `x of point ${n + 1}`, point.x, x);
      checkValue(name, `point ${n + 1}`, point, y);
    });
  }
}

/** Corners of a line whose value holds until the next point. */
const stepsOf = (places: readonly Place[]): Place[] =>
  places.flatMap((place, n) => (n === 0 ? [place] : [[place[0], (places[n - 1] as Place)[1]], place]));

function drawn({ points }: PointSeries, look: Look, { joined, shown, steps }: How, { x, y }: Scales): string {
  const sorted = points.toSorted((a, b) => a.x - b.x);
  const places = sorted.map((point) => [x.at(point.x), y.at(point.y)] as const);
  const errors = sorted.map((point) => errorBar(point, x.at(point.x), y));
  const markers = (shown ? places : []).map(([left, top]) => marker(look, left, top));
  const path = joined && places.length > 1 ? line(steps ? stepsOf(places) : places, look.dash) : '';
  return element('g', { class: look.group }, [path, ...errors, ...markers].join('') || ' ');
}

function sample(look: Look, joined: boolean, shown: boolean): string {
  const path = joined
    ? line(
        [
          [-14, 0],
          [14, 0],
        ],
        look.dash,
      )
    : '';
  return shown ? path + marker(look, 0, 0) : path;
}

/** Points on two numeric axes; with `join` those of a series that is no reference are joined by a line. */
export function pointChart(chart: PointChart, join: boolean): string {
  check(chart);
  const { title, description, series } = chart;
  const looks = looksOf(series);
  const joined = series.map(({ reference }) => join && reference !== true);
  // A series that is not joined is nothing but its markers.
  const shown = joined.map((line) => chart.markers !== false || !line);
  const entries: LegendEntry[] = series.map(({ name }, n) => {
    const look = looks[n] as Look;
    return { name, look, sample: sample(look, joined[n] === true, shown[n] === true) };
  });
  const plot = plotBelow(entries);
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) {
    const parts = [legend(entries), xLabel(chart.x.label, plot), axisLines(plot), noData(plot)];
    return chartDocument(title, description, parts);
  }
  const x = scaleFor(
    chart.x,
    all.map((point) => point.x),
    plot.left,
    plot.right,
  );
  const y = scaleFor(chart.y, extentOf(all), plot.bottom, plot.top);
  const howOf = (n: number): How => ({
    joined: joined[n] === true,
    shown: shown[n] === true,
    steps: chart.steps === true,
  });
  const data = series.map((one, n) => drawn(one, looks[n] as Look, howOf(n), { x, y }));
  const axes = [xAxis(chart.x, x, plot), yAxis(chart.y, y, plot), axisLines(plot)];
  return chartDocument(title, description, [legend(entries), ...axes, ...data]);
}
