import { Topology } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { EventKind, EventOf, type SimEvent } from './events.js';
import { History } from './history.js';
import { Sketch } from './sketch.js';

const topology = new Topology(2, 2);

const handler = (cpu: number, node: number, hash: number): SimEvent =>
  new EventOf(EventKind.message, 0, cpu, { node, handler: { hash } }) as unknown as SimEvent;

const work = (cpu: number): SimEvent => new EventOf(EventKind.workDone, 9, cpu, 0);

function orderOf(...events: readonly SimEvent[]): string {
  const history = new History(topology, new Sketch());
  for (const event of events) history.step(event);
  return history.order;
}

describe('History', () => {
  it('does not see in which order steps at different nodes were made', () => {
    expect(orderOf(handler(0, 0, 1), handler(2, 1, 2))).toBe(orderOf(handler(2, 1, 2), handler(0, 0, 1)));
    expect(orderOf(work(0), work(1), handler(3, 1, 2))).toBe(orderOf(handler(3, 1, 2), work(1), work(0)));
  });

  it('sees the order of handlers at one node, and of a handler and a CPU that reads its node', () => {
    expect(orderOf(handler(0, 0, 1), handler(1, 0, 2))).not.toBe(orderOf(handler(1, 0, 2), handler(0, 0, 1)));
    expect(orderOf(handler(3, 0, 1), work(0))).not.toBe(orderOf(work(0), handler(3, 0, 1)));
  });

  it('counts the states gone through, once each', () => {
    const states = new Sketch();
    for (let round = 0; round < 3; round++) {
      const history = new History(topology, states);
      for (let n = 0; n < 50; n++) history.step(work(n % 4));
    }
    expect(states.count).toBe(50);
  });
});
