import { expect, it } from 'vitest';
import { run, sum } from './run.js';

it.each(['torture', 'rcutorture'])(
  '%s ends with a machine at rest: nothing is sent after its last phase',
  async (experiment) => {
    const request = { experiment, nodes: 2, cpusPerNode: 2, strategy: 'random', seed: 3 } as const;
    const { phases, timeline, counters, outcome } = await run({ ...request, params: { loops: '2' } });
    expect(outcome).toBe('ok');
    const { boot: _, ...own } = phases;
    const sent = Object.values(own).map(({ ipi }) => ipi.sent);
    expect(sum(sent)).toBe(timeline?.ipis.at(-1));
    expect(counters.ipi.sent).toBe(sum(sent));
  },
);
