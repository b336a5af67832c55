import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barChart } from './bar.js';
import { HEIGHT, WIDTH } from './frame.js';
import { heatMap } from './heat-map.js';
import { lineChart } from './line.js';
import { scatterChart } from './scatter.js';
import { sequenceDiagram } from './sequence.js';
import { type BarChart, ChartError, type HeatMap, type Point, type PointChart } from './types.js';

interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const TAG = /<(\/?)([a-zA-Z]+)((?: [\w-]+="[^"<]*")*)(\/?)>/g;

/** Every element of a document, in order; throws where it is not well-formed XML. */
function parse(svg: string): Tag[] {
  const open: string[] = [];
  const tags: Tag[] = [];
  let end = 0;
  const text = (from: number, to: number): void => {
    expect(svg.slice(from, to).replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toMatch(/[<>&]/);
  };
  for (const { 0: whole, 1: closing, 2: name = '', 3: attributes = '', 4: empty, index } of svg.matchAll(TAG)) {
    text(end, index);
    end = index + whole.length;
    if (closing === '/') expect(open.pop()).toBe(name);
    else {
      const pairs = [...attributes.matchAll(/ ([\w-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]);
      expect(new Set(pairs.map(([key]) => key)).size).toBe(pairs.length);
      tags.push({ name, attributes: Object.fromEntries(pairs) });
      if (empty === '') open.push(name);
    }
  }
  text(end, svg.length);
  expect(open).toEqual([]);
  return tags;
}

const titled = { title: 'Title', description: 'What it shows.' };
const x = { label: 'CPUs' };
const y = { label: 'time', unit: 'ns' };
const points = (...pairs: [number, number][]): Point[] => pairs.map(([x, y]) => ({ x, y }));
const chartOf = (...series: PointChart['series']): PointChart => ({ ...titled, x, y, series });

/** Places of the markers of a chart without its legend's, in document order. */
function markers(svg: string): { x: number; y: number }[] {
  return parse(svg)
    .filter(({ name, attributes }) => name === 'path' && attributes.transform !== undefined)
    .map(({ attributes }) => {
      const [, left, top] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(attributes.transform ?? '') ?? [];
      return { x: Number(left), y: Number(top) };
    })
    .filter((place) => place.x !== 0 || place.y !== 0);
}

const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);

/** Coordinate of a tick by its label. */
function tick(svg: string, label: string, axis: 'x' | 'y'): number {
  const [, attributes = ''] =
    new RegExp(`<text([^>]*class="kc-quiet"[^>]*"${axis === 'x' ? 'middle' : 'end'}")>${label}</text>`).exec(svg) ?? [];
  const value = Number(new RegExp(` ${axis}="([-\\d.]+)"`).exec(attributes)?.[1]);
  return axis === 'y' ? value - 4 : value;
}

it('lineChart holds a value until the next point where lines are steps', () => {
  const chart = chartOf({ name: 'a', points: points([0, 1], [1, 1], [2, 3]) });
  const corners = (svg: string): number[][] => {
    const lines = [...svg.matchAll(/class="kc-line"[^>]* d="M([^"]+)"/g)];
    return (lines.at(-1)?.[1] ?? '').split('L').map((place) => place.split(' ').map(Number));
  };
  expect(corners(lineChart(chart))).toHaveLength(3);
  const steps = corners(lineChart({ ...chart, steps: true }));
  expect(steps).toHaveLength(5);
  for (const [n, [left, top]] of steps.slice(1).entries())
    expect([left, top]).toContain(steps[n]?.[n % 2 === 0 ? 1 : 0]);
});

describe.each([
  ['lineChart', lineChart],
  ['scatterChart', scatterChart],
])('%s', (_, draw) => {
  it('begins with title and description for those who cannot see it, and has a fixed view box', () => {
    const svg = draw(chartOf({ name: 'a', points: points([1, 2]) }));
    expect(parse(svg)[0]?.attributes).toMatchObject({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img' });
    expect(svg).toMatch(/^<svg [^>]*>\n<title>Title<\/title>\n<desc>What it shows.<\/desc>/);
  });

  it('puts points where the ticks of the same value are', () => {
    const svg = draw(chartOf({ name: 'a', points: points([0, 0], [10, 2000], [5, 1000]) }));
    const [low, middle, high] = markers(svg);
    expect(low).toEqual({ x: tick(svg, '0', 'x'), y: tick(svg, '0', 'y') });
    expect(middle?.y).toBeCloseTo(tick(svg, '1 µs', 'y'), 1);
    expect(high).toEqual({ x: tick(svg, '10', 'x'), y: tick(svg, '2 µs', 'y') });
  });

  it('puts equal ratios at equal distances on logarithmic axes', () => {
    const series = { name: 'a', points: points([2, 1], [16, 100], [128, 10_000]) };
    const svg = draw({ ...chartOf(series), x: { ...x, scale: 'log2' }, y: { ...y, scale: 'log10' } });
    const [a, b, c] = markers(svg);
    expect((b?.x ?? 0) - (a?.x ?? 0)).toBeCloseTo((c?.x ?? 0) - (b?.x ?? 0), 1);
    expect((b?.y ?? 0) - (a?.y ?? 0)).toBeCloseTo((c?.y ?? 0) - (b?.y ?? 0), 1);
    expect(a?.x).toBe(tick(svg, '2', 'x'));
    expect(c?.y).toBe(tick(svg, '10 µs', 'y'));
  });

  it('escapes every text', () => {
    const nasty = `<script>"&'\u0007`;
    const svg = draw({
      title: nasty,
      description: nasty,
      x: { label: nasty },
      y: { label: nasty, unit: nasty },
      series: [{ name: nasty, points: points([1, 1]) }],
    });
    parse(svg);
    expect(svg).toContain('&lt;script&gt;&quot;&amp;&#39;\ufffd');
    expect(svg).not.toContain('<script');
  });

  it('draws references as hollow marks, never joined', () => {
    const svg = draw(chartOf({ name: 'published', reference: true, points: points([1, 1], [2, 2]) }));
    expect(svg).not.toContain('kc-line"');
    expect(svg.match(/class="kc-hollow"/g)).toHaveLength(3);
    expect(markers(svg)).toHaveLength(2);
  });

  it('draws the range of a value from its low to its high end', () => {
    const svg = draw(chartOf({ name: 'a', points: [{ x: 1, y: 500, low: 0, high: 1000 }] }));
    const [, low, , high] = /class="kc-error" d="M[\d.]+ ([\d.]+)H[\d.]+M([\d.]+) [\d.]+V([\d.]+)/.exec(svg) ?? [];
    expect(Number(low)).toBeCloseTo(tick(svg, '0', 'y'), 1);
    expect(Number(high)).toBeCloseTo(tick(svg, '1 µs', 'y'), 1);
  });

  it('says so if there is no data', () => {
    for (const series of [[], [{ name: 'a', points: [] }]]) {
      const svg = draw(chartOf(...series));
      parse(svg);
      expect(texts(svg)).toContain('no data');
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d and names the series', (value) => {
    expect(() => draw(chartOf({ name: 'good', points: [] }, { name: 'bad', points: points([1, value]) }))).toThrow(
      new ChartError('bad', `y of point 1 is ${value}; a chart needs finite numbers`),
    );
  });

  it.each([0, -1])('refuses %d on a logarithmic axis and names the series', (value) => {
    const chart = {
      ...chartOf({ name: 'bad', points: points([1, 1], [value, 1]) }),
      x: { ...x, scale: 'log2' },
    } as const;
    expect(() => draw(chart)).toThrow('series "bad": x of point 2');
    const range = {
      ...chartOf({ name: 'bad', points: [{ x: 1, y: 1, low: value }] }),
      y: { ...y, scale: 'log10' },
    } as const;
    expect(() => draw(range)).toThrow('series "bad": low of point 1');
  });

  it('is well-formed, repeats itself, and keeps every mark inside, whatever the data', () => {
    const value = fc.double({ min: 1e-6, max: 1e15, noNaN: true });
    const series = fc.record({
      name: fc.string({ unit: 'binary', maxLength: 60 }),
      reference: fc.boolean(),
      points: fc.array(fc.record({ x: value, y: value }), { maxLength: 12 }),
    });
    const kind = fc.constantFrom('linear', 'log2', 'log10');
    fc.assert(
      fc.property(fc.array(series, { maxLength: 9 }), kind, kind, (all, xScale, yScale) => {
        const chart = { ...titled, x: { ...x, scale: xScale }, y: { ...y, scale: yScale }, series: all };
        const svg = draw(chart);
        expect(draw(structuredClone(chart))).toBe(svg);
        const places = markers(svg);
        expect(places).toHaveLength(all.reduce((sum, one) => sum + one.points.length, 0));
        for (const place of places) {
          expect(place.x).toBeGreaterThan(0);
          expect(place.x).toBeLessThan(WIDTH);
          expect(place.y).toBeGreaterThan(0);
          expect(place.y).toBeLessThan(HEIGHT);
        }
      }),
      { seed: 21 },
    );
  });
});

describe('lineChart', () => {
  it('joins the points of a series by x, whatever their order', () => {
    const sorted = lineChart(chartOf({ name: 'a', points: points([1, 5], [2, 3], [3, 9]) }));
    expect(lineChart(chartOf({ name: 'a', points: points([3, 9], [1, 5], [2, 3]) }))).toBe(sorted);
  });

  it('tells series apart by more than their colour', () => {
    const svg = lineChart(chartOf(...['a', 'b', 'c', 'd'].map((name) => ({ name, points: points([1, 1]) }))));
    const shapes = parse(svg).filter(({ attributes }) => attributes.transform?.startsWith('translate(0 0)'));
    expect(new Set(shapes.map(({ attributes }) => attributes.d)).size).toBe(4);
    expect(new Set([...svg.matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, dash]) => dash)).size).toBe(3);
  });

  it('has colours for a dark page, too', () => {
    expect(lineChart(chartOf())).toContain('@media screen and (prefers-color-scheme:dark)');
  });
});

describe('barChart', () => {
  const bars = (...series: BarChart['series']): BarChart => ({
    ...titled,
    x: { label: 'kernel', categories: ['v4.10', 'v5.9'] },
    y: { label: 'IPIs' },
    series,
  });

  const rectangles = (svg: string) =>
    parse(svg)
      .filter(({ name, attributes }) => name === 'rect' && attributes.class === undefined && attributes.x !== '-9')
      .map(({ attributes }) => ({
        top: Number(attributes.y),
        bottom: Number(attributes.y) + Number(attributes.height),
        left: Number(attributes.x),
        right: Number(attributes.x) + Number(attributes.width),
      }));

  it('stands bars on 0, up or down to their values', () => {
    const svg = barChart(bars({ name: 'a', values: [{ y: 10 }, { y: -5 }] }));
    const [up, down] = rectangles(svg);
    expect(up?.top).toBeCloseTo(tick(svg, '10', 'y'), 1);
    expect(up?.bottom).toBeCloseTo(tick(svg, '0', 'y'), 1);
    expect(down?.top).toBeCloseTo(tick(svg, '0', 'y'), 1);
    expect(down?.bottom).toBeGreaterThan(down?.top ?? 0);
  });

  it('stands bars beside each other, and leaves a gap where a value is missing', () => {
    const svg = barChart(
      bars({ name: 'a', values: [{ y: 1 }, undefined] }, { name: 'b', values: [{ y: 2 }, { y: 3 }] }),
    );
    const sorted = rectangles(svg).sort((one, other) => one.left - other.left);
    expect(sorted).toHaveLength(3);
    sorted.slice(1).forEach(({ left }, n) => {
      expect(left).toBeGreaterThan(sorted[n]?.right ?? 0);
    });
  });

  it('marks references over the middle of their category', () => {
    const svg = barChart(
      bars({ name: 'a', values: [{ y: 1 }, { y: 2 }] }, { name: 'p', reference: true, values: [{ y: 1 }, undefined] }),
    );
    expect(markers(svg)).toEqual([{ x: tick(svg, 'v4.10', 'x'), y: tick(svg, '1', 'y') }]);
  });

  it('slants names that are too long to stand side by side', () => {
    const name = 'v4.10+avoid-kick-on-create+pin-until-release+many-more-patches';
    const categories = Array.from({ length: 5 }, () => name);
    const svg = barChart({
      ...bars({ name: 'a', values: categories.map(() => ({ y: 1 })) }),
      x: { label: 'kernel', categories },
    });
    expect(svg).toContain('rotate(-35)');
    expect(texts(svg).filter((text) => text.startsWith('v4.10+avoid') && text.endsWith('…'))).toHaveLength(5);
  });

  it('wants one value for each category', () => {
    expect(() => barChart(bars({ name: 'a', values: [{ y: 1 }] }))).toThrow(
      'series "a": it has 1 values for 2 categories',
    );
  });

  it('refuses what it cannot draw and names series and category', () => {
    expect(() => barChart(bars({ name: 'a', values: [{ y: 1 }, { y: Number.NaN }] }))).toThrow(
      'series "a": y of "v5.9"',
    );
    const log = { ...bars({ name: 'a', values: [{ y: 0 }, undefined] }), y: { label: 'n', scale: 'log10' } } as const;
    expect(() => barChart(log)).toThrow('series "a": y of "v4.10" is 0');
  });

  it('says so if there is no data', () => {
    expect(texts(barChart(bars({ name: 'a', values: [undefined, undefined] })))).toContain('no data');
    expect(texts(barChart({ ...bars(), x: { label: 'kernel', categories: [] } }))).toContain('no data');
  });
});

describe('heatMap', () => {
  const map = (...rows: HeatMap['rows'][number][]): HeatMap => ({
    ...titled,
    x: { label: 'CPU', categories: ['0', '1'] },
    rows,
  });

  it('shades the largest count most, so that ink can be read on it, and 0 not at all', () => {
    const svg = heatMap(map({ name: 'node 0', values: [0, 5] }, { name: 'node 1', values: [10, undefined] }));
    const shades = parse(svg).flatMap(({ attributes }) => attributes['fill-opacity'] ?? []);
    expect(shades).toEqual(['0', '0.34', '0.55']);
    expect(texts(svg)).toEqual(expect.arrayContaining(['node 0', 'node 1', '10', '5']));
  });

  it('refuses what is no count, and names the row', () => {
    expect(() => heatMap(map({ name: 'a', values: [1, -1] }))).toThrow('series "a": column 2 is -1');
    expect(() => heatMap(map({ name: 'a', values: [1] }))).toThrow('1 values for 2 columns');
  });
});

describe('sequenceDiagram', () => {
  it('puts each event into the column of its actor, one below the other', () => {
    const event = (actor: number, kind: 'step' | 'conflict') => ({ actor, kind, time: '1', text: 'frees <x>' });
    const svg = sequenceDiagram({
      ...titled,
      actors: ['CPU0', 'CPU3'],
      events: [event(1, 'step'), event(0, 'conflict')],
    });
    const boxes = parse(svg).filter(({ name, attributes }) => name === 'rect' && attributes.height === '20');
    const [first, second] = boxes.map(({ attributes }) => [Number(attributes.x), Number(attributes.y)]);
    expect(first?.[0]).toBeGreaterThan(second?.[0] ?? 0);
    expect(first?.[1]).toBeLessThan(second?.[1] ?? 0);
    expect(svg).toContain('✗ frees &lt;x&gt;');
  });

  it('refuses an event of nobody', () => {
    const events = [{ actor: 2, kind: 'step', time: '', text: '' }] as const;
    expect(() => sequenceDiagram({ ...titled, actors: ['CPU0'], events })).toThrow('actor 2, who has no column');
  });
});
