import type { PatchFile } from '@kmemlab/experiments';
import { describe, expect, test } from 'vitest';
import { run } from '../fidelity/run.js';

/** What later versions do: small batches of statistics, stocks drained at offline. */
const batched: PatchFile = {
  path: 'batched.mjs',
  text: `export default {
    name: 'batched-statistics',
    summary: 'CPUs pass slab statistics on early, and stocks are drained when a memcg goes offline',
    apply: ({ policies }) => {
      policies.reclaim.statBatch = 2;
      policies.reclaim.drainStockAtOffline = true;
    },
  };`,
};

describe('statistics in batches and drained stocks', () => {
  for (const [nodes, cpusPerNode] of [
    [1, 1],
    [1, 4],
    [2, 2],
  ] as const) {
    test.each([1, 2, 3])(`break no rule on ${nodes}x${cpusPerNode}, seed %i`, async (seed) => {
      const request = { experiment: 'torture', nodes, cpusPerNode, patchFiles: [batched], strategy: 'random' as const };
      const { outcome, verdicts, failure, counters } = await run({ ...request, seed });
      expect({ outcome, verdicts, failure }).toEqual({ outcome: 'ok', verdicts: [] });
      expect(counters.messages.byKind['lruvec.add']).toBeGreaterThan(0);
      expect(counters.calls.drain_all_stock).toBeGreaterThan(0);
    });
  }
});
