import { RandomStream } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, emptyFrame, FRAME_HEADER, FrameBuilder, FrameError, spaceOf } from './frame.js';

const header = { from: 1, to: 2, sequence: 7, acknowledged: 5 };

function frameOf(messages: readonly Uint8Array[]): Uint8Array {
  const builder = new FrameBuilder(1 << 18);
  for (const message of messages) builder.add(message);
  return builder.finish(header);
}

/** A frame with one field changed. */
function altered(change: (view: DataView) => void): Uint8Array {
  const bytes = Uint8Array.from(frameOf([Uint8Array.of(1, 2, 3), new Uint8Array(8)]));
  change(new DataView(bytes.buffer));
  return bytes;
}

describe('a frame', () => {
  it('carries its header and messages, each at a multiple of 8 wherever the frame arrives', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 });
    fc.assert(
      fc.property(messages, fc.nat(9), (sent, shift) => {
        const frame = frameOf(sent);
        const arrived = new Uint8Array(frame.length + shift).subarray(shift);
        arrived.set(frame);
        const { messages: received, ...rest } = decodeFrame(arrived);
        expect(rest).toEqual(header);
        expect(received.map((message) => Uint8Array.from(message))).toEqual(sent);
        expect(received.every(({ byteOffset }) => byteOffset % 8 === 0)).toBe(true);
      }),
    );
  });

  it('without messages is a header', () => {
    const empty = emptyFrame(header);
    expect(empty).toHaveLength(FRAME_HEADER);
    expect(decodeFrame(empty)).toEqual({ ...header, messages: [] });
  });

  it('is full at its limit, except for a message that fits no frame', () => {
    const builder = new FrameBuilder(1_000);
    expect(builder.fits(5_000)).toBe(true);
    builder.add(new Uint8Array(900));
    expect(builder.size).toBe(FRAME_HEADER + spaceOf(900));
    expect(builder.fits(1_000 - builder.size - 8)).toBe(true);
    expect(builder.fits(1_000 - builder.size - 7)).toBe(false);
    const large = new FrameBuilder(1_000);
    large.add(new Uint8Array(5_000).fill(9));
    expect(decodeFrame(large.finish(header)).messages).toEqual([new Uint8Array(5_000).fill(9)]);
  });

  it('copies its messages', () => {
    const message = Uint8Array.of(1);
    const builder = new FrameBuilder(1_000);
    builder.add(message);
    message[0] = 2;
    expect(decodeFrame(builder.finish(header)).messages).toEqual([Uint8Array.of(1)]);
  });
});

describe('decodeFrame', () => {
  it.each([
    ['nothing', new Uint8Array(0), '0 bytes are no frame'],
    ['less than a header', new Uint8Array(31), '31 bytes are no frame'],
    ['another magic', altered((view) => view.setUint8(0, 0)), 'no frame'],
    ['another version', altered((view) => view.setUint16(4, 2, true)), 'version 2, not 1'],
    ['a bit without a meaning', altered((view) => view.setUint16(10, 1, true)), 'mean nothing'],
    ['fewer messages than announced', altered((view) => view.setUint32(12, 3, true)), 'ends too early'],
    ['far fewer messages than announced', altered((view) => view.setUint32(12, 0xffffffff, true)), 'ends too early'],
    ['more messages than announced', altered((view) => view.setUint32(12, 1, true)), '16 bytes follow'],
    ['a fractional number', altered((view) => view.setFloat64(16, 1.5, true)), 'the frame number 1.5 is none'],
    ['a negative number', altered((view) => view.setFloat64(24, -1, true)), 'the acknowledged number -1 is none'],
    ['no number', altered((view) => view.setFloat64(16, Number.NaN, true)), 'the frame number NaN is none'],
    ['a number that is too large', altered((view) => view.setFloat64(16, 2 ** 53, true)), 'is none'],
    ['a message that is too long', altered((view) => view.setUint32(32, 100, true)), 'a message of 100 bytes'],
    ['a message of 4 GiB', altered((view) => view.setUint32(32, 0xffffffff, true)), 'a message of 4294967295 bytes'],
    ['a message header with more in it', altered((view) => view.setUint32(36, 1, true)), 'mean nothing'],
    ['a frame cut short', frameOf([new Uint8Array(100)]).subarray(0, 100), 'a message of 100 bytes'],
  ])('refuses %s', (_, bytes, why) => {
    expect(() => decodeFrame(bytes)).toThrow(FrameError);
    expect(() => decodeFrame(bytes)).toThrow(why);
  });

  it('gives a frame that fills its bytes, or a FrameError, for any bytes', () => {
    const random = new RandomStream(1, 'frame-fuzz');
    const samples = [
      emptyFrame(header),
      frameOf([Uint8Array.of(1)]),
      frameOf(Array.from({ length: 5 }, (_, n) => new Uint8Array(n * 7))),
      frameOf([new Uint8Array(64), new Uint8Array(0), new Uint8Array(9)]),
    ];
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // most of the time would go into stacks
    let read = 0;
    for (let n = 0; n < 600_000; n++) {
      const bytes = Uint8Array.from(samples[n % samples.length] as Uint8Array);
      // Mostly in the header and the first message header, where it matters.
      for (let k = random.below(3); k >= 0; k--) bytes[random.below(Math.min(bytes.length, 48))] = random.below(256);
      const arrived = random.below(8) === 0 ? bytes.subarray(random.below(8), random.below(bytes.length)) : bytes;
      try {
        const { messages } = decodeFrame(arrived);
        const filled = messages.reduce((sum, { length }) => sum + spaceOf(length), FRAME_HEADER);
        if (filled !== arrived.length) throw new Error(`frame ${n} has ${filled} bytes of ${arrived.length}`);
        read++;
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
      }
    }
    Error.stackTraceLimit = stackTraceLimit;
    expect(read).toBeGreaterThan(10_000);
  });
});
