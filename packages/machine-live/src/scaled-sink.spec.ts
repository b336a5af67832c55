import type { KickSplit } from '@kmemlab/kernel';
import { expect, it } from 'vitest';
import { ScaledSink } from './scaled-sink.js';

it('turns machine time into host time, and nothing into less than nothing', () => {
  const recorded: [string, number][] = [];
  const kicks: KickSplit[] = [];
  const sink = new ScaledSink(
    { record: (name, ns) => recorded.push([name, ns]), kick: (split) => kicks.push(split) },
    4,
  );
  sink.record('slab_mutex.hold', 1000);
  sink.record('slab_mutex.wait', -8);
  sink.record('kick.ack', 6);
  expect(recorded).toEqual([
    ['slab_mutex.hold', 250],
    ['slab_mutex.wait', 0],
    ['kick.ack', 2],
  ]);
  sink.kick({ cpu: 3, sender: 1, ns: 100, send: 20, delivery: 40, irqOffWait: 0, handler: 8, ack: 32 });
  expect(kicks).toEqual([{ cpu: 3, sender: 1, ns: 25, send: 5, delivery: 10, irqOffWait: 0, handler: 2, ack: 8 }]);
});
