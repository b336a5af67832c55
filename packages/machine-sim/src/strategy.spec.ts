import { RandomStream } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.js';
import { EventKind, type SimEvent } from './events.js';
import { RandomOrder, type Strategy, timeOrder } from './strategy.js';

/** An event that carries its number as its vector. */
const event = (channel: number, number: number): SimEvent => ({
  kind: EventKind.doorbell,
  channel,
  cpu: 0,
  vector: number,
});

interface Sent {
  readonly time: number;
  readonly channel: number;
}

function play(strategy: Strategy, sent: readonly Sent[]): number[] {
  const queue = new EventQueue<SimEvent>();
  sent.forEach(({ time, channel }, n) => {
    queue.push(time, event(channel, n));
  });
  const order: number[] = [];
  for (let next = strategy.next(queue); next !== undefined; next = strategy.next(queue)) {
    if (next.payload.kind === EventKind.doorbell) order.push(next.payload.vector);
  }
  return order;
}

const randomOrder = (seed: number): Strategy => new RandomOrder(new RandomStream(seed, 'strategy'));

const traffic = fc.array(fc.record({ time: fc.nat({ max: 3000 }), channel: fc.nat({ max: 4 }) }), { maxLength: 80 });

describe('timeOrder', () => {
  it('takes events by time, and those of equal time as they were added', () => {
    const at = (time: number): Sent => ({ time, channel: 0 });
    expect(play(timeOrder, [at(3), at(1), at(2), at(1)])).toEqual([1, 3, 2, 0]);
  });
});

describe('RandomOrder', () => {
  it('takes every event exactly once', () => {
    fc.assert(
      fc.property(traffic, fc.integer(), (sent, seed) => {
        const order = play(randomOrder(seed), sent);
        expect([...order].sort((a, b) => a - b)).toEqual(sent.map((_, n) => n));
      }),
      { seed: 10 },
    );
  });

  it('keeps the order of time within each channel', () => {
    fc.assert(
      fc.property(traffic, fc.integer(), (sent, seed) => {
        const byTime = play(timeOrder, sent);
        const order = play(randomOrder(seed), sent);
        for (let channel = 0; channel <= 4; channel++) {
          const of = (list: readonly number[]): number[] => list.filter((n) => sent[n]?.channel === channel);
          expect(of(order)).toEqual(of(byTime));
        }
      }),
      { seed: 11 },
    );
  });

  it('never overtakes an event by more than its widest window', () => {
    const far = [
      { time: 0, channel: 0 },
      { time: 400_001, channel: 1 },
    ];
    for (let seed = 0; seed < 200; seed++) expect(play(randomOrder(seed), far)).toEqual([0, 1]);
  });

  it('takes events of different channels in another order for some seeds, and in the same order for the same seed', () => {
    const sent = Array.from({ length: 6 }, (_, channel) => ({ time: channel * 100, channel }));
    const orders = Array.from({ length: 40 }, (_, seed) => play(randomOrder(seed), sent).join());
    expect(new Set(orders).size).toBeGreaterThan(10);
    expect(play(randomOrder(3), sent).join()).toBe(orders[3]);
  });
});
