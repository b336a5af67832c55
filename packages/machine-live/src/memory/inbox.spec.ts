import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Kind, Message } from '../message.js';
import { Inbox } from './inbox.js';

const post = (n: number, body: Uint8Array | null = null): Message =>
  new Message().set(Kind.post, 1, 2, n, n + 0.5, -n, n * 2 ** 40, body);

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

describe('inbox', () => {
  test('a message arrives as it was sent', () => {
    const inbox = Inbox.create(64);
    expect(inbox.push(post(7, bytes(13, 3)))).toBe(true);
    const message = new Message();
    expect(inbox.pull(message)).toBe(true);
    expect(message).toEqual(post(7, bytes(13, 3)));
    expect(inbox.pull(message)).toBe(false);
    expect(inbox.isEmpty).toBe(true);
  });

  test('no body and an empty body are different', () => {
    const inbox = Inbox.create(64);
    inbox.push(post(1));
    inbox.push(post(2, bytes(0, 0)));
    const message = new Message();
    inbox.pull(message);
    expect(message.body).toBeNull();
    inbox.pull(message);
    expect(message.body).toEqual(bytes(0, 0));
  });

  test('a full inbox refuses, and takes messages again once some are read', () => {
    const inbox = Inbox.create(32);
    let sent = 0;
    while (inbox.push(post(sent))) sent++;
    expect(sent).toBe(4);
    const message = new Message();
    inbox.pull(message);
    expect(inbox.push(post(4))).toBe(true);
    expect(inbox.push(post(5))).toBe(false);
  });

  test('a body that can never fit is an error that says how much fits', () => {
    const inbox = Inbox.create(64);
    expect(() => inbox.push(post(1, bytes(1000, 0)))).toThrow(/1000 bytes is too long; 184 fit/);
  });

  test('any sequence of pushes and pulls keeps order and content, across the end of the ring', () => {
    const step = fc.oneof(fc.constant('pull' as const), fc.nat(80));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const inbox = Inbox.create(64);
        const expected: Message[] = [];
        const message = new Message();
        let n = 0;
        for (const next of steps) {
          if (next === 'pull') {
            expect(inbox.pull(message)).toBe(expected.length > 0);
            if (expected.length > 0) expect(message).toEqual(expected.shift());
          } else {
            const sent = post(++n, next % 7 === 0 ? null : bytes(next, n % 256));
            if (inbox.push(sent)) expected.push(sent);
          }
        }
        for (const sent of expected) {
          inbox.pull(message);
          expect(message).toEqual(sent);
        }
        expect(inbox.isEmpty).toBe(true);
      }),
    );
  });

  test('positions may wrap past 2^31', () => {
    const inbox = Inbox.create(32);
    new Int32Array(inbox.buffer).set([0x7ffffff8, 0x7ffffff8]);
    const message = new Message();
    for (let n = 0; n < 20; n++) {
      expect(inbox.push(post(n))).toBe(true);
      expect(inbox.pull(message)).toBe(true);
      expect(message.a).toBe(n);
    }
  });
});
