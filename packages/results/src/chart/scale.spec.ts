import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaleFor } from './scale.js';
import { tickLabel } from './tick-label.js';

const finite = fc.double({ min: -1e15, max: 1e15, noNaN: true });
const positive = fc.double({ min: 1e-12, max: 1e15, noNaN: true });

describe('scaleFor', () => {
  it('has round ticks', () => {
    expect(scaleFor({ scale: 'linear' }, [0, 97], 0, 1).ticks).toEqual([0, 20, 40, 60, 80, 100]);
    expect(scaleFor({ scale: 'linear' }, [-0.3, 0.7], 0, 1).ticks).toEqual([-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8]);
    expect(scaleFor({ whole: true }, [0, 1], 0, 1).ticks).toEqual([0, 1]);
    expect(scaleFor({ whole: true }, [0, 97], 0, 1).ticks).toEqual([0, 20, 40, 60, 80, 100]);
    expect(scaleFor({ scale: 'log10' }, [735, 349_000], 0, 1).ticks).toEqual([100, 1000, 10_000, 100_000, 1_000_000]);
    expect(scaleFor({ scale: 'log10' }, [3, 70], 0, 1).ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(scaleFor({ scale: 'log2' }, [2, 4096], 0, 1).ticks).toEqual([
      2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
    ]);
  });

  it('makes room around a single value', () => {
    expect(scaleFor({ scale: 'linear' }, [0], 0, 1).domain).toEqual([0, 1]);
    expect(scaleFor({ scale: 'linear' }, [7], 0, 1).at(7)).toBeGreaterThan(0);
    expect(scaleFor({ scale: 'log2' }, [8], 0, 1).domain).toEqual([8, 16]);
  });

  it.each(['linear', 'log2', 'log10'] as const)(
    'holds all values, in order, with a few ascending ticks: %s',
    (kind) => {
      const values = fc.array(kind === 'linear' ? finite : positive, { minLength: 1, maxLength: 20 });
      fc.assert(
        fc.property(values, (list) => {
          const scale = scaleFor({ scale: kind }, list, 100, 500);
          const sorted = list.toSorted((a, b) => a - b);
          const places = sorted.map((value) => scale.at(value));
          expect(Math.min(...places)).toBeGreaterThanOrEqual(99.9);
          expect(Math.max(...places)).toBeLessThanOrEqual(500.1);
          for (const [n, place] of places.entries())
            if (n > 0) expect(place).toBeGreaterThanOrEqual(places[n - 1] as number);
          expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
          expect(scale.ticks.length).toBeLessThanOrEqual(14);
          for (const [n, tick] of scale.ticks.entries())
            if (n > 0) expect(tick).toBeGreaterThan(scale.ticks[n - 1] as number);
        }),
        { seed: 22 },
      );
    },
  );
});

describe('tickLabel', () => {
  it('gives times the unit that fits', () => {
    const labels = [0, 0.5, 20, 1000, 2500, 1e6, 2e8, 3e9].map((ns) => tickLabel(ns, 'ns'));
    expect(labels).toEqual(['0', '0.5 ns', '20 ns', '1 µs', '2.5 µs', '1 ms', '200 ms', '3 s']);
  });

  it('groups other numbers by thousands', () => {
    expect([0.25, 4096, 1_000_000].map((value) => tickLabel(value, 'CPUs'))).toEqual(['0.25', '4,096', '1,000,000']);
  });
});
