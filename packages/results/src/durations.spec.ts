import { describe, expect, it } from 'vitest';
import { PhaseDurations, Recorder } from './durations.js';
import type { SlowestKick } from './schema.js';

const kick = (ns: number, cpu: number): SlowestKick => ({
  cpu,
  sender: 0,
  ns,
  send: 100,
  delivery: 200,
  irqOffWait: 0,
  handler: 50,
  ack: ns - 350,
});

function filled(): PhaseDurations {
  const durations = new PhaseDurations();
  durations.record('slab_mutex.hold', 1000);
  durations.record('slab_mutex.hold', 3_000_000);
  durations.kick(kick(900, 3));
  durations.kick(kick(2000, 1));
  return durations;
}

describe('PhaseDurations', () => {
  it('survives a message', () => {
    const durations = filled();
    const plain = structuredClone(durations.toPlain());
    const again = PhaseDurations.fromPlain(plain);
    expect(again.summary('model')).toEqual(durations.summary('model'));
    expect(again.slowest).toEqual(kick(2000, 1));
    expect(again.toPlain()).toEqual(plain);
  });

  it('is small as a message: only buckets that hold something', () => {
    expect(JSON.stringify(filled().toPlain()).length).toBeLessThan(600);
  });

  it('adds up what several threads recorded, and keeps the slowest kick of all', () => {
    const sum = new PhaseDurations();
    sum.merge(filled());
    const other = new PhaseDurations();
    other.kick(kick(5000, 2));
    sum.merge(other);
    expect(sum.summary('host').kick_all_cpus_sync).toMatchObject({ clock: 'host', count: 3, max: 5000 });
    expect(sum.summary('host')['slab_mutex.hold']).toMatchObject({ count: 2, max: 3_000_000 });
    expect(sum.slowest?.cpu).toBe(2);
  });

  it('refuses what is no durations', () => {
    expect(() => PhaseDurations.fromPlain({ histograms: [['x', [1, 2]]], slowest: null })).toThrow(RangeError);
  });
});

it('a recorder begins an empty phase and hands out the one that ended', () => {
  const recorder = new Recorder();
  recorder.record('a', 1);
  const first = recorder.next();
  recorder.kick(kick(900, 1));
  expect(Object.keys(first.summary('model'))).toEqual(['a']);
  expect(recorder.current.summary('model').a).toBeUndefined();
});
