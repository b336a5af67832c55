import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBody, encodeBody } from './body.js';

const through = (value: unknown): unknown => decodeBody(encodeBody(value));

test.each([1, 20, 61, 62, 63, 64, 5000])(
  'a text that begins with a byte order mark keeps it: %i characters',
  (length) => {
    const text = `\ufeff${'a'.repeat(length)}`;
    expect(through({ name: text, list: [text, { [text]: 1 }] })).toEqual({ name: text, list: [text, { [text]: 1 }] });
  },
);

test('numbers and texts arrive as they were sent, whatever bytes they are made of', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
  );
  fc.assert(
    fc.property(fc.array(value), (given) => {
      expect(through(given)).toEqual(given.map((one) => (Object.is(one, -0) ? 0 : one)));
    }),
  );
});
