import { describe, expect, it } from 'vitest';
import { pack } from '../codec.js';
import { decodeMessage, encodeMessage, type Message } from './wire.js';

const messages: readonly Message[] = [
  { kind: 'call', id: 7, name: 'report', payload: { mark: true } },
  { kind: 'answer', id: 7, value: [1, 2, { three: null }] },
  { kind: 'error', id: 7, name: 'TypeError', message: 'no' },
  { kind: 'event', name: 'progress', payload: null },
];

describe('a control message', () => {
  it.each(messages)('$kind comes back as it was', (message) => {
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it.each([
    ['an unknown kind', [4, 1, 'a', null]],
    ['a call without payload', [0, 1, 'a']],
    ['a call without number', [0, 'a', 'b', null]],
    ['a call of a negative number', [0, -1, 'b', null]],
    ['a call without name', [0, 1, 2, null]],
    ['an error without text', [2, 1, 'Error', 3]],
    ['an answer with too much', [1, 1, null, null]],
    ['an event without name', [3, 1, null]],
    ['no array', { kind: 'call' }],
  ])('is refused if it is %s', (_, fields) => {
    expect(decodeMessage(pack(fields))).toBeUndefined();
  });

  it('is refused if it is noise', () => {
    expect(decodeMessage(Uint8Array.of(0xc1))).toBeUndefined();
  });
});
