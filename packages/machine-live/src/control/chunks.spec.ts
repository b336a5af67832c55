import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from '../codec.js';
import { Assembler, cut, MAX_MESSAGE } from './chunks.js';

const message = (length: number) => Uint8Array.from({ length }, (_, at) => at % 251);

describe('cut and Assembler', () => {
  it('give back any message, cut to frames that fit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.integer({ min: 80, max: 400 }), (bytes, maxPayload) => {
        const frames = cut(bytes, 3, 1, maxPayload);
        const assembler = new Assembler();
        const wholes = frames.map((frame) => assembler.accept(frame));
        expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(maxPayload);
        expect(wholes.slice(0, -1).every((whole) => whole === undefined)).toBe(true);
        expect(wholes.at(-1)?.from).toBe(3);
        expect(Array.from(wholes.at(-1)?.bytes ?? [])).toEqual(Array.from(bytes));
        expect(assembler.malformed).toBe(0);
      }),
    );
  });

  it('keeps the messages of several senders apart', () => {
    const assembler = new Assembler();
    const [a, b] = [cut(message(300), 0, 1, 200), cut(message(290), 'coordinator', 1, 200)];
    const wholes = a.flatMap((frame, at) => [assembler.accept(frame), assembler.accept(b[at] as Uint8Array)]);
    expect(wholes.flatMap((whole) => (whole === undefined ? [] : [[whole.from, whole.bytes.length]]))).toEqual([
      [0, 300],
      ['coordinator', 290],
    ]);
  });

  it('drops a message of which a frame is missing, and takes the next one', () => {
    const assembler = new Assembler();
    const [first, , third] = cut(message(400), 0, 1, 200);
    expect(assembler.accept(first as Uint8Array)).toBeUndefined();
    expect(assembler.accept(third as Uint8Array)).toBeUndefined();
    expect(assembler.malformed).toBe(1);
    expect(cut(message(400), 0, 2, 200).map((frame) => assembler.accept(frame)?.bytes.length)).toContain(400);
  });

  it('drops a message that begins anew before it is complete', () => {
    const assembler = new Assembler();
    assembler.accept(cut(message(400), 0, 1, 200)[0] as Uint8Array);
    expect(assembler.accept(cut(message(10), 0, 2, 200)[0] as Uint8Array)?.bytes.length).toBe(10);
    expect(assembler.malformed).toBe(1);
  });

  it('stops collecting a message that is larger than any may be', () => {
    const assembler = new Assembler();
    const body = new Uint8Array(1 << 19);
    const count = MAX_MESSAGE / body.length + 2;
    const wholes = Array.from({ length: count }, (_, at) => assembler.accept(pack([1, 0, 1, at, count, body])));
    expect(wholes.every((whole) => whole === undefined)).toBe(true);
    expect(assembler.malformed).toBe(2);
  });

  it.each([
    ['noise', Uint8Array.of(0xc1, 1, 2)],
    ['nothing', new Uint8Array(0)],
    ['no array', pack({ version: 1 })],
    ['another version', pack([2, 0, 1, 0, 1, new Uint8Array(1)])],
    ['a sender that cannot be', pack([1, -1, 1, 0, 1, new Uint8Array(1)])],
    ['a field too many', pack([1, 0, 1, 0, 1, new Uint8Array(1), 0])],
    ['text for a number', pack([1, 0, 1, '0', 1, new Uint8Array(1)])],
    ['a later part of what never began', pack([1, 0, 1, 5, 9, new Uint8Array(1)])],
  ])('counts and ignores %s', (_, frame) => {
    const assembler = new Assembler();
    expect(assembler.accept(frame)).toBeUndefined();
    expect(assembler.malformed).toBe(1);
  });
});
