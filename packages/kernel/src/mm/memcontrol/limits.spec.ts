import { describe, expect, it } from 'vitest';
import '../../index.js';
import { parseLimit } from './limits.js';
import { UNLIMITED } from './types.js';

describe('parseLimit', () => {
  it.each<[string, number]>([
    ['0', 0],
    ['4096', 1],
    ['4096\n', 1],
    ['4095', 0],
    ['8191', 1],
    ['4k', 1],
    ['1K', 0],
    ['1m', 256],
    ['1M', 256],
    ['1G\n', 262144],
    ['  1g  ', 262144],
    ['1T', 268435456],
  ])('reads %j as %i pages', (text, pages) => {
    expect(parseLimit(text)).toBe(pages);
  });

  it.each(['-1', '-1\n', '9223372036854771712', '9223372036854775807', '99999999999999999999', '16E'])(
    'reads %j as no limit',
    (text) => {
      expect(parseLimit(text)).toBe(UNLIMITED);
    },
  );

  it.each(['', 'G', 'max', '1GG', '1 G', '-2', '1.5G', '0.5', 'abc'])('refuses %j', (text) => {
    expect(parseLimit(text)).toBeNull();
  });
});
