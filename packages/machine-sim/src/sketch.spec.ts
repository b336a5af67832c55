import { describe, expect, it } from 'vitest';
import { Sketch } from './sketch.js';

const hash = (n: number, salt: number): number => {
  let h = Math.imul(n ^ salt, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

function sketchOf(from: number, to: number): Sketch {
  const sketch = new Sketch();
  for (let n = from; n < to; n++) sketch.add(hash(n, 0x1234567), hash(n, 0x7654321));
  return sketch;
}

describe('Sketch', () => {
  it.each([0, 1, 100, 5000, 100_000, 1_000_000])('knows about how many of %i things it saw', (count) => {
    expect(Math.abs(sketchOf(0, count).count - count)).toBeLessThanOrEqual(count * 0.03);
  });

  it('counts a thing once, however often it comes and in whatever order sketches are merged', () => {
    const [a, b, c] = [sketchOf(0, 6000), sketchOf(3000, 9000), sketchOf(0, 9000)];
    const ab = new Sketch();
    for (const part of [a, b, a]) ab.merge(part.registers);
    const ba = new Sketch();
    for (const part of [b, a]) ba.merge(part.registers);
    expect(ab.registers).toEqual(c.registers);
    expect(ba.registers).toEqual(c.registers);
  });
});
