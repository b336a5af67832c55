import { callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';
import { onBoth, type Pair } from './both-machines.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;

const kernels = ['v4.12', 'v5.2', 'v5.3', 'v5.9'] as const;
const MEMCGS = 4;
/** An RCU-typed cache and another. */
const PER_MEMCG = 2;

const ended = ({ outcome, failure, verdicts }: RunResult) => ({ outcome, failure, verdicts });
const well = { outcome: 'ok', failure: undefined, verdicts: [] };

const made = ({ phases }: RunResult): number =>
  (phases.create?.caches.created ?? 0) + (phases.settle?.caches.created ?? 0);

describe.each([{ allocator: 'slab', nodes: 1, cpusPerNode: 2 }])(
  'barrier-batching on $nodes x $cpusPerNode with $allocator',
  ({ allocator, nodes, cpusPerNode }) => {
    let pairs: readonly Pair[];

    beforeAll(async () => {
      pairs = await onBoth({
        ...{ experiment: 'barrier-batching', kernels, nodes, cpusPerNode, flags: ['--config', allocator] },
        params: { memcgs: MEMCGS, caches: 1 },
      });
    }, 2 * MINUTES);

    test.each(kernels.map((kernel, index) => ({ kernel, index })))(
      '$kernel: the same memcgs and caches come and go on both machines, and all of them go',
      ({ kernel, index }) => {
        const { live, sim } = pairs[index] as Pair;
        expect(ended(live)).toEqual(well);
        const { memcg, caches } = live.counters;
        expect({ memcg, caches }).toEqual({ memcg: sim.counters.memcg, caches: sim.counters.caches });
        expect(memcg.freed).toBe(MEMCGS);
        expect([made(live), made(sim)]).toEqual(kernel === 'v5.9' ? [0, 0] : [PER_MEMCG * MEMCGS, PER_MEMCG * MEMCGS]);
        expect(callCount(live.counters, 'shutdown_cache')).toBe(made(live));
      },
    );
  },
);
