import { describe, expect, it } from 'vitest';
import { combine, summarize } from './summary.js';

describe('summarize', () => {
  it('leaves the first tenth out, in which everything is cold', () => {
    const samples = Float64Array.from({ length: 100 }, (_, round) => (round < 10 ? 1e9 : round));
    expect(summarize(samples)).toEqual({ medianNs: 55, p99Ns: 99, rounds: 90 });
  });

  it('does with one sample', () => {
    expect(summarize(Float64Array.of(7.4))).toEqual({ medianNs: 7, p99Ns: 7, rounds: 1 });
  });

  it('refuses none', () => {
    expect(() => summarize(new Float64Array())).toThrow(RangeError);
  });
});

describe('combine', () => {
  it('takes the medians over repeats, so that one bad repeat does not show', () => {
    const repeats = [10, 12, 900].map((medianNs) => ({ medianNs, p99Ns: 2 * medianNs, rounds: 5 }));
    expect(combine(repeats)).toEqual({ medianNs: 12, p99Ns: 24, rounds: 15 });
  });
});
