import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomStream } from './random.js';

const draw = (stream: RandomStream, n: number, bound: number): number[] =>
  Array.from({ length: n }, () => stream.below(bound));

describe('RandomStream', () => {
  it('gives the pinned numbers for a seed and a subsystem on every computer', () => {
    expect(draw(new RandomStream(1, 'strategy'), 8, 1000)).toEqual([410, 779, 896, 501, 381, 558, 251, 453]);
    expect(draw(new RandomStream(1, 'node0'), 8, 1000)).toEqual([985, 132, 159, 161, 895, 266, 370, 810]);
    expect(draw(new RandomStream(2, 'strategy'), 8, 1000)).toEqual([569, 768, 668, 506, 710, 6, 561, 313]);
  });

  it('stays within its bound, and is 0 for a bound of 1', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 31 }), (seed, bound) => {
        for (const value of draw(new RandomStream(seed, 'node0'), 5, bound)) {
          expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
        }
      }),
      { seed: 5 },
    );
    expect(draw(new RandomStream(9, 'x'), 5, 1)).toEqual([0, 0, 0, 0, 0]);
  });

  it('is not changed by what another subsystem draws meanwhile', () => {
    const alone = draw(new RandomStream(7, 'guest0'), 20, 1 << 20);
    const guest = new RandomStream(7, 'guest0');
    const strategy = new RandomStream(7, 'strategy');
    const interleaved = Array.from({ length: 20 }, () => {
      draw(strategy, 3, 12);
      return guest.below(1 << 20);
    });
    expect(interleaved).toEqual(alone);
  });

  it('differs between subsystems of one run and between seeds of one subsystem', () => {
    const names = ['strategy', ...Array.from({ length: 8 }, (_, n) => `node${n}`), 'guest0', 'guest1'];
    const streams = [1, 2, 3].flatMap((seed) =>
      names.map((name) => draw(new RandomStream(seed, name), 4, 2 ** 30).join()),
    );
    expect(new Set(streams).size).toBe(streams.length);
  });

  it('reaches every value of a small range about equally often', () => {
    const counts = new Array<number>(8).fill(0);
    for (const value of draw(new RandomStream(42, 'node0'), 8000, 8)) counts[value] = (counts[value] ?? 0) + 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
