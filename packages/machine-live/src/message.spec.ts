import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBody } from './body.js';
import { CodecError } from './codec-error.js';
import { decodeMessage, encodeMessage, Kind, Message, MessageError } from './message.js';

const limits = { node: 1, nodes: 2, cpus: 8, handlers: 100 };

describe('message', () => {
  test('a message arrives at another node as it was sent', () => {
    const sent = new Message().set(Kind.request, 1, 3, 99, 2 ** 40, -1, 0.5, new Uint8Array(encodeBody({ a: 1 })));
    expect(decodeMessage(encodeMessage(sent), limits, new Message())).toEqual(sent);
    const bare = new Message().set(Kind.completion, 1, 3, 7, 2 ** 50, 1, 0, null);
    expect(decodeMessage(encodeMessage(bare), limits, new Message())).toEqual(bare);
  });

  test.each([
    ['for another node', [Kind.post, 0, 3, 1, 0, 0, 0], /for node 0 came to node 1/],
    ['of an unknown kind', [77, 1, 3, 1, 0, 0, 0], /kind 77/],
    ['from an unknown CPU', [Kind.post, 1, 8, 1, 0, 0, 0], /no CPU8/],
    ['to an unknown CPU', [Kind.completion, 1, 3, 8, 0, 0, 0], /no CPU8/],
    ['for an unknown handler', [Kind.post, 1, 3, 100, 0, 0, 0], /no handler has number 100/],
    ['with an unknown vector', [Kind.raise, 1, 3, 1, 32, 0, 0], /no vector 32/],
    ['without its body', [Kind.syscall, 1, 3, 1, 0, 0, 0], /has no body/],
    ['with half a CPU', [Kind.post, 1, 0.5, 1, 0, 0, 0], /no CPU0.5/],
  ] as const)('a message %s is refused', (_what, [kind, node, cpu, a, b, c, d], why) => {
    const bytes = encodeMessage(new Message().set(kind, node, cpu, a, b, c, d, null));
    expect(() => decodeMessage(bytes, limits, new Message())).toThrow(why);
  });

  test('random and mutated bytes give a message or a MessageError', () => {
    const valid = encodeMessage(new Message().set(Kind.thread, 1, 3, 4, 5, 6, 7, encodeBody(['some', { body: 1 }])));
    const mutation = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 });
    const mutated = mutation.map((changes) => {
      const bytes = valid.slice();
      for (const [index, value] of changes) bytes[index] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 120 })), (bytes) => {
        try {
          decodeMessage(bytes, limits, new Message());
        } catch (error) {
          expect(error instanceof MessageError || error instanceof CodecError).toBe(true);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
