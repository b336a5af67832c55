import { RandomStream } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pctStalls, randomStalls, replay } from './deciders.js';
import { EventQueue } from './event-queue.js';
import { EventKind, EventOf, type SimEvent } from './events.js';
import { actorOf, type Decider, StallOrder, type Strategy, timeOrder } from './strategy.js';

/** An event of a CPU's interrupts, by default the CPU with the channel's number; it carries its own number as its vector. */
const event = (channel: number, number: number, cpu = channel): SimEvent =>
  new EventOf(EventKind.doorbell, channel, cpu, number);

interface Sent {
  readonly time: number;
  readonly channel: number;
  readonly cpu?: number;
}

function play(strategy: Strategy, sent: readonly Sent[]): number[] {
  const queue = new EventQueue<SimEvent>();
  sent.forEach(({ time, channel, cpu }, n) => {
    queue.push(time, event(channel, n, cpu));
  });
  const order: number[] = [];
  for (let next = strategy.next(queue); next !== undefined; next = strategy.next(queue)) {
    if (next.kind === EventKind.doorbell) order.push(next.body);
  }
  return order;
}

const CPUS = 9;

const stalled = (decide: Decider): StallOrder => new StallOrder(decide, CPUS, () => false);

const randomOrder = (seed: number): Strategy => stalled(randomStalls(new RandomStream(seed, 'strategy')));

/** Several CPUs share a channel: each can be late by itself. */
const traffic = fc.array(
  fc.record({ time: fc.nat({ max: 3000 }), channel: fc.nat({ max: 4 }), cpu: fc.nat({ max: 2 }) }),
  { maxLength: 80 },
);

describe('timeOrder', () => {
  it('takes events by time, and those of equal time as they were added', () => {
    const at = (time: number): Sent => ({ time, channel: 0 });
    expect(play(timeOrder, [at(3), at(1), at(2), at(1)])).toEqual([1, 3, 2, 0]);
  });
});

describe('StallOrder', () => {
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

  it('keeps the order of a channel when only some of its actors are late', () => {
    const queue = new EventQueue<SimEvent>();
    queue.push(1, event(7, 1));
    queue.push(2, event(7, 2, 3));
    queue.push(3, event(8, 3, 3));
    const order = stalled(replay([{ step: 0, ns: 100 }]));
    const taken = [0, 1, 2].map(() => ({ channel: order.next(queue)?.channel, time: queue.time }));
    expect(taken.map(({ channel }) => channel)).toEqual([8, 7, 7]);
    expect(taken.map(({ time }) => time)).toEqual([3, 101, 101]);
  });

  it('puts off exactly who would act at the step, for as long as it is told', () => {
    const sent = [
      { time: 10, channel: 0 },
      { time: 20, channel: 1 },
      { time: 30, channel: 0 },
      { time: 40, channel: 1 },
    ];
    expect(play(stalled(replay([{ step: 1, ns: 15 }])), sent)).toEqual([0, 2, 1, 3]);
    expect(play(stalled(replay([{ step: 1, ns: 5 }])), sent)).toEqual([0, 1, 2, 3]);
    expect(play(stalled(replay([{ step: 0, ns: 1000 }])), sent)).toEqual([1, 3, 0, 2]);
  });

  it('is repeated by the stalls that it made', () => {
    fc.assert(
      fc.property(traffic, fc.integer(), (sent, seed) => {
        const first = stalled(randomStalls(new RandomStream(seed, 'strategy')));
        const order = play(first, sent);
        expect(play(stalled(replay(first.stalls)), sent)).toEqual(order);
      }),
      { seed: 12 },
    );
  });

  it('gives other orders for other seeds', () => {
    const sent = Array.from({ length: 40 }, (_, n) => ({ time: n * 100, channel: n % 5 }));
    const orders = Array.from({ length: 40 }, (_, seed) => play(randomOrder(seed), sent).join());
    expect(new Set(orders).size).toBeGreaterThan(10);
  });

  it('knows code from interrupts: either can be late alone', () => {
    const doorbell = event(3, 0);
    const timer = new EventOf(EventKind.timer, 0, 3, { id: 1, at: 0, name: '', data: 0, deferrable: false });
    const work = new EventOf(EventKind.workDone, 0, 3, 0);
    expect(actorOf(doorbell)).toBe(actorOf(timer));
    expect(actorOf(doorbell)).not.toBe(actorOf(work));
  });
});

describe('pctStalls', () => {
  const at = (step: number, points = 0, atPoint = false) => ({ step, actor: 0, points, atPoint });

  it('makes at most as many stalls as the depth, anywhere in the schedule', () => {
    const places = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const decide = pctStalls(new RandomStream(seed, 'schedule'), 3, { steps: 10, points: 0 });
      const stalls = Array.from({ length: 10 }, (_, step) => decide(at(step)));
      const made = stalls.flatMap((ns, step) => (ns > 0 ? [step] : []));
      expect(made.length).toBeLessThanOrEqual(3);
      for (const step of made) places.add(step);
    }
    expect(places.size).toBe(10);
  });

  it('aims half of them at labelled points', () => {
    let atPoints = 0;
    for (let seed = 0; seed < 400; seed++) {
      const decide = pctStalls(new RandomStream(seed, 'schedule'), 1, { steps: 1000, points: 2 });
      if (decide(at(2000, 0, true)) > 0 || decide(at(2000, 1, true)) > 0) atPoints++;
    }
    expect(atPoints).toBeGreaterThan(150);
    expect(atPoints).toBeLessThan(250);
  });
});
