import type { PatchFile } from '@kmemlab/experiments';
import { describe, expect, test } from 'vitest';
import { run } from '../fidelity/run.js';

const topologies = [
  [1, 1],
  [1, 2],
  [1, 4],
  [2, 2],
  [4, 2],
] as const;

const schedules = [{ strategy: 'time' as const }, ...[1, 2, 3].map((seed) => ({ strategy: 'random' as const, seed }))];

describe.each(['v4.10', 'v4.10+avoid-kick-on-create', 'v4.12', 'v5.2', 'v5.3'])(
  '%s keeps every invariant',
  (kernel) => {
    for (const [nodes, cpusPerNode] of topologies) {
      test.each(schedules)(`on ${nodes}x${cpusPerNode}, %o`, async (schedule) => {
        const { outcome, verdicts, failure } = await run({
          experiment: 'torture',
          kernel,
          nodes,
          cpusPerNode,
          ...schedule,
        });
        expect({ outcome, verdicts, failure }).toEqual({ outcome: 'ok', verdicts: [] });
      });
    }
  },
);

/** Calls that nobody waits for, so that each CPU's queue holds several csds at a time. */
const overlappingCalls: PatchFile = {
  path: 'overlapping-calls.mjs',
  text: `export default {
    name: 'overlapping-calls',
    summary: 'two asynchronous calls to all CPUs before each kick',
    apply: ({ policies }, { call, smpCallFunction, smpCallFunctionSingle, kickAllCpusSync }) => {
      policies.slab.afterPublish = function* overlap(cpu) {
        yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
        yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
        yield* call(smpCallFunctionSingle, cpu, cpu.topology.cpuCount - 1, 'do_nothing', 0, false);
        yield* call(kickAllCpusSync, cpu);
      };
    },
  };`,
};

test.each(topologies)('asynchronous calls that overlap break no rule on %ix%i', async (nodes, cpusPerNode) => {
  const request = { experiment: 'torture', nodes, cpusPerNode, patchFiles: [overlappingCalls] };
  for (const seed of [1, 2, 3]) {
    expect(await run({ ...request, strategy: 'random', seed })).toMatchObject({ outcome: 'ok', verdicts: [] });
  }
});
