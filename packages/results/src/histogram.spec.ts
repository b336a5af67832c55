import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, quarterBelow } from './histogram.js';

const duration = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 1_000_000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(127, 128, 129, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER),
);

function filled(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function nearestRank(sorted: readonly number[], p: number): number {
  return sorted[Math.max(1, Math.ceil((p * sorted.length) / 100)) - 1] as number;
}

describe('Histogram', () => {
  it('stays within 1/64 of the percentile of the sorted values', () => {
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1 }), fc.nat({ max: 100 }), (values, p) => {
        const exact = nearestRank(
          values.slice().sort((a, b) => a - b),
          p,
        );
        expect(Math.abs(filled(values).percentile(p) - exact)).toBeLessThanOrEqual(exact / 64);
      }),
    );
  });

  it('is exact below 128 ns', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 127 }), { minLength: 1 }), fc.nat({ max: 100 }), (values, p) => {
        const sorted = values.slice().sort((a, b) => a - b);
        expect(filled(values).percentile(p)).toBe(nearestRank(sorted, p));
      }),
    );
  });

  it('keeps count and max exactly, and the mean of small values', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1_000_000 }), { minLength: 1 }), (values) => {
        const histogram = filled(values);
        expect(histogram.count).toBe(values.length);
        expect(histogram.max).toBe(Math.max(...values));
        expect(histogram.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 6);
      }),
    );
  });

  it('merging two equals recording everything in one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 10_000_000 })), fc.array(fc.nat({ max: 10_000_000 })), (left, right) => {
        const merged = filled(left);
        merged.merge(filled(right));
        expect(merged.toDuration('model')).toEqual(filled([...left, ...right]).toDuration('model'));
      }),
    );
  });

  it('summarises an empty histogram as zeros', () => {
    const zeros = { clock: 'host', unit: 'ns', count: 0, p50: 0, p99: 0, max: 0, mean: 0 };
    expect(new Histogram().toDuration('host')).toEqual(zeros);
  });

  it('refuses what is not a duration', () => {
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      expect(() => new Histogram().record(bad)).toThrow(RangeError);
    }
    expect(() => new Histogram().percentile(101)).toThrow(RangeError);
  });

  it('comes back from plain numbers as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1_000_000 })), (values) => {
        const histogram = filled(values);
        const again = Histogram.fromPlain(histogram.toPlain());
        again.record(5);
        histogram.record(5);
        expect(again.toDuration('host')).toEqual(histogram.toDuration('host'));
        expect(again.toPlain()).toEqual(histogram.toPlain());
      }),
    );
  });

  it.each([
    [[]],
    [[1, 5, 5, 5]],
    [[1, 5, 5, 5, 5]],
    [[1, 5, 5, 5, 1e9, 1]],
    [[1, 5, 5, 5, -1, 1]],
    [[0, Number.NaN, 0, 0]],
  ])('is not made from %j', (plain) => expect(() => Histogram.fromPlain(plain)).toThrow(RangeError));
});

it('says how many took how long, in quarters of powers of two', () => {
  const histogram = new Histogram();
  for (const ns of [0, 3, 5, 1000, 1023, 1024, 5_000_000]) histogram.record(ns);
  const { below = [], counts = [] } = histogram.toDuration('host').distribution ?? {};
  expect(below.slice(0, 5)).toEqual([1, 4, 6, 1024, 1280]);
  expect(counts).toEqual([1, 1, 1, 2, 1, 1]);
  expect(below[5]).toBeGreaterThan(5_000_000);
  expect(below[5]).toBeLessThanOrEqual(5_000_000 * 1.26);
});

it('says from where to where a bound counts', () => {
  fc.assert(
    fc.property(duration, (ns) => {
      const [bound = 0] = filled([ns]).toDuration('host').distribution?.below ?? [];
      expect(quarterBelow(bound)).toBeLessThanOrEqual(ns);
      if (bound <= Number.MAX_SAFE_INTEGER) expect(bound).toBeGreaterThan(ns);
    }),
  );
});
