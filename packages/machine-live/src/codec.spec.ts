import { isDeepStrictEqual } from 'node:util';
import { RandomStream } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecError, MAX_DEPTH, MAX_ENCODED, pack, unpack } from './codec.js';

const through = (value: unknown): unknown => unpack(pack(value));
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < levels; n++) value = n % 2 === 0 ? [value] : { value };
  return value;
};
const bytes = (...parts: (number | string | Uint8Array)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : Buffer.from(part))));

describe('pack and unpack', () => {
  it('give plain data back', () => {
    const leaf = fc.oneof(
      fc.double().map((x) => (Object.is(x, -0) ? 0 : x)),
      fc.maxSafeInteger(),
      fc.string({ unit: 'grapheme' }),
      fc
        .string({ minLength: 30, maxLength: 400, unit: 'binary' })
        .filter((text) => text === Buffer.from(text).toString()),
      fc.constantFrom(true, false, null, undefined),
      fc.uint8Array(),
    );
    const key = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (given) => isDeepStrictEqual(through(given), given)),
      { numRuns: 500 },
    );
  });

  it.each<unknown>([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
    undefined,
    [undefined, null],
    { a: undefined },
    { constructor: 'x', toJSON: 1, hasOwnProperty: 2, '': 3, 1: 4 },
  ])('give %o back', (value) => {
    expect(through(value)).toStrictEqual(value);
  });

  it.each([3, 63, 64, 65, 66, 67, 68, 300, 70_000])(
    'give back a text and a key of %i bytes with a byte order mark',
    (length) => {
      const text = `\ufeff${'x'.repeat(length - 3)}`;
      for (const value of [text, `\ufeff${text}`, [text, { [text]: text, list: [text] }]]) {
        expect(through(value)).toStrictEqual(value);
      }
    },
  );

  it('give long lists and objects back', () => {
    const list = Array.from({ length: 70_000 }, (_, n) => n);
    const object = Object.fromEntries(list.map((n) => [`k${n}`, n]));
    expect(isDeepStrictEqual(through([list]), [list])).toBe(true);
    expect(isDeepStrictEqual(through(object), object)).toBe(true);
  });

  it('give -0 back as 0, a hole as undefined and half a surrogate pair as something else', () => {
    expect(through(-0)).toBe(0);
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    expect(through([1, , 2])).toStrictEqual([1, undefined, 2]);
    expect(through('\ud800')).not.toBe('\ud800');
  });

  it('share no memory with what they are given or have given before', () => {
    const first = pack({ a: 1 });
    const copy = Uint8Array.from(first);
    for (let n = 0; n < 10; n++) pack('x'.repeat(2_000));
    expect(first).toEqual(copy);
    expect([first.byteOffset, first.buffer.byteLength]).toEqual([0, first.length]);
    expect(first).not.toBeInstanceOf(Buffer);

    const encoded = Buffer.from(pack(new Uint8Array([1, 2, 3])));
    const decoded = unpack(encoded) as Uint8Array;
    expect(decoded).not.toBeInstanceOf(Buffer);
    encoded.fill(0);
    expect(decoded).toEqual(new Uint8Array([1, 2, 3]));
    expect(Object.keys(encoded)).not.toContain('dataView');
  });

  it('read bytes in memory that threads share', () => {
    const encoded = pack({ text: 'é'.repeat(200) });
    const shared = new Uint8Array(new SharedArrayBuffer(encoded.length));
    shared.set(encoded);
    expect(unpack(shared)).toEqual({ text: 'é'.repeat(200) });
  });

  it('read what says more than 53 bits as a number too', () => {
    expect(unpack(bytes(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0))).toBe(2 ** 53);
    expect(unpack(bytes(0xcf, new Uint8Array(8).fill(0xff)))).toBe(2 ** 64);
    expect(unpack(bytes(0xd3, new Uint8Array(8).fill(0xff)))).toBe(-1);
  });
});

describe('pack', () => {
  it.each([
    new Map([[1, 2]]),
    new Set([1]),
    new Date(0),
    /x/,
    new Error('x'),
    new Float64Array(2),
    new ArrayBuffer(1),
    5n,
    Symbol.iterator,
    () => 1,
    Promise.resolve(),
    new (class Thing {})(),
  ])('refuses what would arrive as something else: %s', (value) => {
    for (const holder of [value, [value], { value }]) expect(() => pack(holder)).toThrow(CodecError);
  });

  it('refuses what nests too deeply, refers to itself, or spreads', () => {
    expect(through(nested(MAX_DEPTH))).toEqual(nested(MAX_DEPTH));
    expect(() => pack(nested(MAX_DEPTH + 1))).toThrow('deeper than 64 levels');
    const self: unknown[] = [];
    self.push(self);
    expect(() => pack(self)).toThrow('deeper than 64 levels');
    let wide: unknown = 1;
    for (let n = 0; n < 40; n++) wide = [wide, wide];
    expect(() => pack(wide)).toThrow('takes more than');
  });

  it('refuses what takes more than the limit', () => {
    expect(pack('x'.repeat(MAX_ENCODED - 5))).toHaveLength(MAX_ENCODED);
    expect(() => pack('x'.repeat(MAX_ENCODED - 4))).toThrow('takes 1048577 bytes, more than 1048576');
    expect(() => pack('x'.repeat(MAX_ENCODED))).toThrow(CodecError);
    expect(() => pack(new Uint8Array(100), 50)).toThrow(CodecError);
    expect(unpack(pack('x'.repeat(2e6), 3e6), 3e6)).toHaveLength(2e6);
    expect(() => unpack(pack('x'.repeat(2e6), 3e6))).toThrow('more than 1048576');
  });

  it('refuses a key named __proto__', () => {
    expect(() => pack(JSON.parse('{"__proto__": {"polluted": 1}}'))).toThrow('__proto__');
  });
});

describe('unpack', () => {
  it.each([0x91, 0x81, 0xdc])('refuses what nests too deeply, however deep: %i', (opener) => {
    const level = { 145: [0x91], 129: [0x81, 0xa1, 0x61], 220: [0xdc, 0, 1] }[opener] as number[];
    const deep = (levels: number) => bytes(Buffer.from(Array.from({ length: levels }, () => level).flat()), 0xc0);
    expect(() => unpack(deep(MAX_DEPTH))).not.toThrow();
    for (const levels of [MAX_DEPTH + 1, 200_000]) expect(() => unpack(deep(levels))).toThrow('deeper than 64 levels');
  });

  it.each([
    ['no byte', bytes(), 'ends early'],
    ['a string that ends early', bytes(0xa5, 'abcd'), 'ends early'],
    ['a number that ends early', bytes(0xcb, 0, 0), 'ends early'],
    ['more bytes than a value', bytes(0x01, 0x02), 'left over'],
    ['a huge array', bytes(0xdd, 0xff, 0xff, 0xff, 0xff), 'more items'],
    ['a huge map', bytes(0xdf, 0xff, 0xff, 0xff, 0xff), 'more items'],
    ['a huge string', bytes(0xdb, 0xff, 0xff, 0xff, 0xff), 'ends early'],
    ['a key that is a number', bytes(0x81, 1, 2), 'a key is not text'],
    ['a key that is a list', bytes(0x81, 0x91, 0xa1, 'a', 2), 'a key is not text'],
    ['a key named __proto__', bytes(0x81, 0xa9, '__proto__', 0x80), '__proto__'],
    ['a long key named __proto__', bytes(0x81, 0xdb, 0, 0, 0, 9, '__proto__', 0x80), '__proto__'],
    ['the byte that means nothing', bytes(0xc1), '0xc1'],
    ['a record definition', bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 'a', 1), 'extension'],
    ['a date', bytes(0xd6, 0xff, 0, 0, 0, 0), '0xd6'],
    ['an error', bytes(0xd4, 0x65, 0, 0x93, 0xa5, 'Error', 0xa1, 'x', 0xc0), 'extension'],
    ['an expression', bytes(0xd4, 0x78, 0, 0x92, 0xa1, 'x', 0xa0), 'extension'],
    ['a set', bytes(0xd4, 0x73, 0, 0x90), 'extension'],
    ['a reference', bytes(0xd6, 0x70, 0, 0, 0, 1), '0xd6'],
    ['a typed array', bytes(0xc7, 2, 0x74, 1, 1), '0xc7'],
    ['bundled strings', bytes(0xd6, 0x62, 0, 0, 0, 0), '0xd6'],
  ])('refuses %s', (_, encoded, why) => {
    expect(() => unpack(encoded)).toThrow(CodecError);
    expect(() => unpack(encoded)).toThrow(why);
    expect(through({ still: 'works' })).toEqual({ still: 'works' });
  });

  it('makes no prototype of a key however it is written', () => {
    const overlong = bytes(0x81, 0xab, 0xc1, 0x9f, 0xc1, 0x9f, 'proto__', 0x81, 0xa1, 'x', 1);
    const value = unpack(overlong) as { x?: unknown };
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.x).toBeUndefined();
  });

  it('gives a value or a CodecError for any bytes, and what it gives can be packed', () => {
    const random = new RandomStream(1, 'codec-fuzz');
    const samples = [
      {
        kind: 'report',
        node: 3,
        sums: { slabs: 12, 'kmem.alloc': 99.5 },
        list: [1, -5, 70_000, 2 ** 40, undefined, null],
      },
      [1, 2, [3, 'vier', [true, [false]]], { a: { b: { c: 'é'.repeat(40) } } }],
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key${n}`, [n, n / 3]])),
      { bytes: new Uint8Array(40), text: 'x'.repeat(300) },
    ].map((value) => pack(value));
    const before = Reflect.ownKeys(Object.prototype);
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // most of the time would go into stacks
    let read = 0;
    for (let n = 0; n < 400_000; n++) {
      const encoded =
        n % 4 === 3 ? new Uint8Array(1 + random.below(24)) : Uint8Array.from(samples[n % 3] as Uint8Array);
      const changes = n % 4 === 3 ? encoded.length : 1 + random.below(3);
      for (let k = 0; k < changes; k++) encoded[random.below(encoded.length)] = random.below(256);
      const cut = random.below(8) === 0 ? encoded.subarray(0, random.below(encoded.length)) : encoded;
      let value: unknown;
      try {
        value = unpack(cut);
      } catch (error) {
        if (error instanceof CodecError && error.cause === undefined) continue;
        throw error;
      }
      read++;
      pack(value);
    }
    Error.stackTraceLimit = stackTraceLimit;
    expect(read).toBeGreaterThan(10_000);
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(through({ still: 'works' })).toEqual({ still: 'works' });
  });
});
