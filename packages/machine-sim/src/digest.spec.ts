import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventDigest } from './digest.js';

type Event = readonly [time: number, kind: number, actor: number, detail: number];

function digestOf(events: readonly Event[]): string {
  const digest = new EventDigest();
  for (const event of events) digest.add(...event);
  return digest.toString();
}

const RUN: readonly Event[] = [
  [0, 7, 0, 40],
  [2580, 1, 0, 3],
  [2615, 2, 0, 12],
  [2 ** 40 + 17, 5, 3, 21],
];

describe('EventDigest', () => {
  it('gives the pinned digests on every computer', () => {
    expect(digestOf([])).toBe('9e3779b9811c9dc5');
    expect(digestOf(RUN)).toBe('f37aff64bc03181a');
  });

  it('counts the events', () => {
    const digest = new EventDigest();
    for (const event of RUN) digest.add(...event);
    expect(digest.events).toBe(RUN.length);
  });

  it('changes when one number of one event changes, or two different events change places', () => {
    const small = fc.nat({ max: 200 });
    const event = fc.tuple(fc.nat({ max: 2 ** 45 }), fc.nat({ max: 8 }), small, small);
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        fc.nat({ max: 3 }),
        (events, at, field) => {
          const changed = events.map((e, n) =>
            n === at % events.length ? e.map((v, f) => (f === field ? v + 1 : v)) : e,
          );
          expect(digestOf(changed as unknown as Event[])).not.toBe(digestOf(events));
          const [first, second] = events;
          if (second === undefined || String(first) === String(second)) return;
          expect(digestOf([second, first as Event, ...events.slice(2)])).not.toBe(digestOf(events));
        },
      ),
      { seed: 12 },
    );
  });
});
