import { describe, expect, it } from 'vitest';
import type { PhaseRecord } from './phase-record.js';
import { emptyReading } from './reading.js';
import { TimelineRecorder } from './timeline.js';

const at = (ms: number, sums: Readonly<Record<string, number>> = {}) => ({ modelNs: ms * 1e6, sums });
const phase = (name: string, ms: number, sums: Readonly<Record<string, number>>): PhaseRecord => {
  const to = { ...emptyReading(1), ...at(ms, sums) };
  return { name, from: to, to } as unknown as PhaseRecord;
};

describe('TimelineRecorder', () => {
  it('counts from the end of the boot, and leaves out what was before', () => {
    const recorder = new TimelineRecorder();
    for (const ms of [1, 12, 15])
      recorder.offer(() => at(ms, { 'ipi.sameNode': ms, memcg_removed: 3, memcg_freed: 1 }));
    const boot = phase('boot', 10, { 'ipi.sameNode': 10, caches_created: 50 });
    expect(recorder.timeline([boot], at(20, { 'ipi.sameNode': 18, caches_created: 60 }))).toEqual({
      ns: [0, 2e6, 5e6, 10e6],
      ipis: [0, 2, 5, 8],
      gracePeriods: [0, 0, 0, 0],
      barriers: [0, 0, 0, 0],
      dying: [0, 2, 2, 0],
      caches: [50, 0, 0, 60],
    });
  });

  it('has nothing to say of a machine that has not come up', () => {
    expect(new TimelineRecorder().timeline([], at(1))).toBeUndefined();
  });

  it('stays small in a long run, evenly spread, with the end of every phase and the last moment', () => {
    const recorder = new TimelineRecorder();
    for (let ms = 0; ms < 10_000; ms++) recorder.offer(() => at(ms));
    const { ns = [] } = recorder.timeline([phase('boot', 0, {}), phase('create', 7777, {})], at(10_000)) ?? {};
    expect(ns.length).toBeLessThan(205);
    expect(ns.length).toBeGreaterThan(100);
    expect(ns).toContain(7777e6);
    expect(ns.at(-1)).toBe(10_000e6);
    expect(Math.max(...ns.map((value, n) => value - (ns[n - 1] ?? 0)))).toBeLessThanOrEqual(200e6);
  });
});
