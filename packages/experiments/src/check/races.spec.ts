import { Topology } from '@kmemlab/machine';
import { EventKind, EventOf, type SimEvent } from '@kmemlab/machine-sim';
import { describe, expect, it } from 'vitest';
import { Races } from './races.js';

const handler = (cpu: number, node: number, object = 0): SimEvent =>
  new EventOf(EventKind.message, 0, cpu, { node, object, handler: { index: 1 } }) as unknown as SimEvent;

const completion = (cpu: number, from: number): SimEvent =>
  new EventOf(EventKind.completion, 5, cpu, { waiter: 1, value: 0, from });

const work = (cpu: number): SimEvent => new EventOf(EventKind.workDone, 9, cpu, 0);

const doorbell = (cpu: number): SimEvent => new EventOf(EventKind.doorbell, 1, cpu, 0);

/** An event that another one of the schedule has brought about. */
const because = (cause: number, event: SimEvent): readonly [number, SimEvent] => [cause, event];

/** Events at 0, 10, 20 ns, …; what could have come otherwise, by step and the step that it is put behind. */
function racesOf(...events: readonly (SimEvent | readonly [number, SimEvent])[]): [number, number][] {
  const races = new Races(new Topology(2, 2));
  const schedule = events.map((event) => (event instanceof EventOf ? ([-1, event] as const) : event));
  schedule.forEach(([, event], n) => {
    races.note(event, 10 * n);
    for (const [cause, caused] of schedule) if (cause === n) races.sent(caused);
  });
  return [...races.oneMore(0)].map(({ step, ns }) => [step, step + (ns - 1) / 10]);
}

describe('Races', () => {
  it('puts a handler behind later ones of other CPUs at its node, one after the other', () => {
    expect(racesOf(handler(0, 0), handler(1, 0), handler(2, 0))).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });

  it('keeps the order of steps that have nothing to do with each other', () => {
    expect(racesOf(handler(0, 0), handler(2, 1))).toEqual([]);
    expect(racesOf(work(0), work(1))).toEqual([]);
    expect(racesOf(handler(0, 0), handler(0, 0))).toEqual([]);
  });

  it('takes two handlers at one node for dependent whatever their objects: a page is on a list of its cache', () => {
    expect(racesOf(handler(0, 0, 5), handler(1, 0, 6))).toEqual([[0, 1]]);
  });

  it('lets a handler that wakes a CPU of another node race with the code of that CPU', () => {
    expect(racesOf(handler(2, 1), work(0))).toEqual([]);
    expect(racesOf(handler(2, 1), work(0), because(0, completion(0, 2)))).toEqual([
      [0, 1],
      [0, 2],
    ]);
    expect(racesOf(work(0), handler(2, 1), because(1, completion(0, 2)))).toContainEqual([0, 1]);
  });

  it('knows which of the handlers of a CPU has woken another', () => {
    expect(racesOf(handler(2, 1), handler(2, 1), because(0, completion(0, 2)), work(0))).toEqual([
      [0, 2],
      [0, 3],
    ]);
  });

  it('lets two CPUs race that interrupt the same one', () => {
    expect(racesOf(work(1), work(2))).toEqual([]);
    expect(racesOf(work(1), work(2), because(0, doorbell(0)), because(1, doorbell(0)))).toContainEqual([0, 1]);
  });

  it('lets a CPU race with handlers at its own node, and with its own interrupts', () => {
    expect(racesOf(work(0), handler(2, 0))).toEqual([[0, 1]]);
    expect(racesOf(work(0), handler(2, 1))).toEqual([]);
    expect(racesOf(work(0), doorbell(0))).toEqual([[0, 1]]);
    expect(racesOf(work(0), doorbell(1))).toEqual([]);
  });
});
