import { describe, expect, it } from 'vitest';
import { publishedFind } from './published-find.js';
import { mean, variance, welch } from './welch.js';

describe('the published timings of find', () => {
  it.each([
    ['real', 0.6469, 0.6832, 0.056, 2.1],
    ['user', 0.1333, 0.1371, 0.029, 0.8],
    ['sys', 0.2646, 0.2522, -0.047, -2.4],
  ] as const)('%s: %f s and %f s, a change of %f, t = %f', (column, original, patched, change, t) => {
    const times = publishedFind[column];
    const found = welch(times.original, times.patched);
    expect(found.meanA).toBeCloseTo(original, 4);
    expect(found.meanB).toBeCloseTo(patched, 4);
    expect(found.change).toBeCloseTo(change, 3);
    expect(found.t).toBeCloseTo(t, 1);
    // Two samples of ten: between 9 and 18.
    expect(found.df).toBeGreaterThan(9);
    expect(found.df).toBeLessThanOrEqual(18);
  });
});

describe('Welch’s t', () => {
  it('is that of Student for equal sizes and variances', () => {
    const [a, b] = [
      [1, 2, 3, 4],
      [3, 4, 5, 6],
    ];
    expect(welch(a, b)).toMatchObject({ meanA: 2.5, meanB: 4.5, df: 6 });
    expect(welch(a, b).t).toBeCloseTo(2 / Math.sqrt((2 * variance(a)) / 4), 10);
  });

  it('turns round with the samples', () => {
    const { original, patched } = publishedFind.real;
    expect(welch(patched, original).t).toBeCloseTo(-welch(original, patched).t, 12);
  });

  it('takes less into account the smaller sample', () => {
    expect(welch([1, 2], [1, 2, 3, 4, 5]).df).toBeLessThan(5);
    expect(mean([1, 2, 6])).toBe(3);
  });
});
