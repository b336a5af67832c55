import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pressureLevel } from './vmpressure.js';

describe('the pressure level of a window', () => {
  it.each([
    [512, 512, 'low'],
    [512, 205, 'low'],
    [512, 204, 'medium'],
    [512, 26, 'medium'],
    [512, 25, 'critical'],
    [512, 0, 'critical'],
  ] as const)('of %i scanned and %i reclaimed pages is %s', (scanned, reclaimed, level) => {
    expect(pressureLevel(scanned, reclaimed)).toBe(level);
  });

  it('never falls when less is reclaimed', () => {
    const order = ['low', 'medium', 'critical'];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), (scanned, reclaimed) => {
        const worse = order.indexOf(pressureLevel(scanned, reclaimed - 1));
        expect(worse).toBeGreaterThanOrEqual(order.indexOf(pressureLevel(scanned, reclaimed)));
      }),
    );
  });
});
