import { expect, it } from 'vitest';
import type { NodeCounts } from './live-node.js';
import { countersBetween, emptyReading, readingOf, trafficBetween } from './reading.js';

const report = (node: number, n: number): NodeCounts => ({
  node,
  at: 1000 * n + node,
  sums: { 'ipi.sent.0': n, csd: n, kick_all_cpus_sync: n },
  cal: [node, n],
  res: [0, n],
  loc: [0, n],
  disturbances: [0, n].map((count) => ({ softirqs: count, contextSwitches: count, stolenNs: 10 * count })),
  received: [node, 2 * n],
  merged: [0, n],
  events: 10 * n,
  messages: {
    byKind: { b: n, [`only${node}`]: n },
    crossNodeByKind: node === 0 ? {} : { b: n },
    byCpu: [n, n],
    toNode: node === 0 ? [n, 1] : [2, n],
  },
  progress: n,
});

const at = (n: number) => readingOf([report(0, n), report(1, n)], 0);

it('reports of several nodes add up to the whole machine, CPUs in order', () => {
  const reading = at(4);
  expect(reading).toMatchObject({ modelNs: 4001, cal: [0, 4, 1, 4], sameNode: 8, crossNode: 3, events: 80 });
  expect(reading.sums).toEqual({ 'ipi.sent.0': 8, csd: 8, kick_all_cpus_sync: 8 });
  expect(reading.byKind).toEqual({ b: 8, only0: 4, only1: 4 });
});

it('a window counts what happened between two readings', () => {
  const counters = countersBetween(at(3), at(5));
  expect(counters.ipi).toMatchObject({ sent: 4, receivedBy: [0, 4, 0, 4], mergedBy: [0, 2, 0, 2] });
  expect(counters.calls).toMatchObject({ kick_all_cpus_sync: 4 });
  expect(counters.messages).toEqual({
    sameNode: 4,
    crossNode: 0,
    byKind: { b: 4, only0: 2, only1: 2 },
    crossNodeByKind: { b: 2 },
  });
  expect(trafficBetween(at(3), at(5))).toEqual({
    sentByCpu: [2, 2, 2, 2],
    byNodePair: [
      [2, 0],
      [0, 2],
    ],
  });
});

it('the first window begins with nothing', () => {
  expect(countersBetween(emptyReading(4), at(1)).messages).toMatchObject({ sameNode: 2, crossNode: 3 });
  expect(trafficBetween(emptyReading(4), at(1)).sentByCpu).toEqual([1, 1, 1, 1]);
});

it('a window has what interrupted the CPUs that are isolated, and nothing of it if none are', () => {
  expect(countersBetween(at(3), at(5), [1, 3]).isolated).toEqual(
    [1, 3].map((cpu) => ({ cpu, CAL: 2, RES: 2, LOC: 2, softirqs: 2, contextSwitches: 2, stolenNs: 20 })),
  );
  expect(countersBetween(at(3), at(5))).not.toHaveProperty('isolated');
});
