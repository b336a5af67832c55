import { callCount, type RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

const runOn = (kernel: string, params: Record<string, string> = {}): Promise<RunResult> =>
  run({ experiment: 'left-in-stock', kernel, config: 'slub', nodes: 1, cpusPerNode: 3, params });

/** Removed memcgs that have not been freed, by phase. */
const dyingIn = ({ series = [] }: RunResult): Record<string, number> =>
  Object.fromEntries(series.map(({ phase, dying }) => [phase, dying]));

const skipped = ({ counters }: RunResult): number => callCount(counters, 'drain_all_stock_skipped');

describe('what CPUs have in stock of removed memcgs', () => {
  it.each(['v4.10', 'v4.12'])('keeps them in %s until another memcg is charged there', async (kernel) => {
    const result = await runOn(kernel);
    expect(dyingIn(result)).toEqual({ use: 0, remove: 2, 'use again': 0 });
    expect(result.counters.calls.drain_all_stock).toBeUndefined();
  });

  it.each(['v5.2', 'v5.3', 'v5.9'])('is drained at offline in %s', async (kernel) => {
    const result = await runOn(kernel);
    expect(dyingIn(result)).toEqual({ use: 0, remove: 0, 'use again': 0 });
    expect(result.counters.calls.drain_all_stock).toBe(2);
    expect(skipped(result)).toBe(0);
  });

  it.each(['v5.2', 'v5.3', 'v5.9'])('keeps them in %s if somebody else drains at that moment', async (kernel) => {
    const result = await runOn(kernel, { drainsOn: '2' });
    expect(dyingIn(result)).toEqual({ use: 0, remove: 1, 'use again': 0 });
    expect(skipped(result)).toBe(1);
  });

  it('keeps them in v5.9 if no page is left in it, but the reference', async () => {
    expect(dyingIn(await runOn('v5.9', { pages: '29' }))).toEqual({ use: 0, remove: 2, 'use again': 0 });
    expect(dyingIn(await runOn('v5.3', { pages: '29' }))).toMatchObject({ remove: 0 });
  });
});
