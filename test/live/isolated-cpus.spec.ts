import { callCount, type RunResult } from '@kmemlab/results';
import { expect, test } from 'vitest';
import { onBoth, onLive, type Pair } from './both-machines.js';

const MINUTES = 5 * 60_000;
const LOOPS = 5;
const KICKS = 3 * LOOPS;

const callsOf = ({ counters }: RunResult) => counters.isolated?.map(({ cpu, CAL }) => [cpu, CAL]);

test(
  'isolated CPUs get the same calls on both machines, ticks only without nohz_full, and no work that may run elsewhere',
  async () => {
    const [pair] = await onBoth({
      experiment: 'avoid-ipis',
      kernels: ['v4.10'],
      nodes: 2,
      cpusPerNode: 2,
      params: { loops: LOOPS, pause: 200 },
      isolcpus: '1,3',
      config: 'nohz_full=3',
    });
    const { live, sim } = pair as Pair;
    expect(callsOf(sim)).toEqual([
      [1, KICKS],
      [3, KICKS],
    ]);
    expect(callsOf(live)).toEqual(callsOf(sim));
    for (const { counters } of [live, sim]) {
      const [ticking, tickless] = counters.isolated ?? [];
      expect(ticking?.LOC).toBeGreaterThan(100);
      expect(tickless?.LOC).toBeLessThan((ticking?.LOC ?? 0) / 4);
      expect([1, 3].map((cpu) => counters.ipi.sentBy[cpu])).toEqual([0, 0]);
    }
  },
  MINUTES,
);

test(
  'CPUs go down and come up on the live machine, and nothing is lost',
  async () => {
    const result = await onLive({
      experiment: 'torture',
      kernels: ['v4.10'],
      nodes: 2,
      cpusPerNode: 2,
      params: { loops: 1, hotplug: 3 },
    });
    const { outcome, failure, verdicts, counters } = result;
    expect({ outcome, failure, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect([callCount(counters, 'cpu_down'), callCount(counters, 'cpu_up')]).toEqual([3, 3]);
  },
  MINUTES,
);
