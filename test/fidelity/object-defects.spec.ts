import { check, resolveCheck } from '@kmemlab/experiments';
import { READ_OBJCG_MEMCG } from '@kmemlab/kernel';
import type { RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

const runDefect = (defect: string, config = 'slub', kernel = 'v5.9'): Promise<RunResult> =>
  run({ experiment: 'object-defects', kernel, config, nodes: 1, cpusPerNode: 3, params: { defect } });

const countOf = ({ findings }: RunResult, name: string): number =>
  findings.find((finding) => finding.class === name)?.count ?? 0;

describe.each(['slab', 'slub'])('v5.9 with %s', (config) => {
  it.each([
    ['V6-a', 'a', 'unaccounted'],
    ['V6-d', 'd', 'negative-counter'],
    ['V6-e', 'e', 'dead-cpu-stock'],
    ['V6-f', 'f', 'held-vector'],
  ])('%s is a finding, and another program does not have it', async (_id, defect, name) => {
    const result = await runDefect(defect, config);
    expect(result).toMatchObject({ outcome: 'ok', verdicts: [] });
    expect(countOf(result, name)).toBeGreaterThan(0);
    expect(countOf(await runDefect(defect === 'a' ? 'f' : 'a', config), name)).toBe(0);
  });
});

it.each(['v3.14', 'v4.10', 'v5.3'])(
  '%s keeps to the limit of V6-a: files that it forbids are not made, and the program goes on',
  async (kernel) => {
    expect(await runDefect('a', 'slab', kernel)).toMatchObject({ outcome: 'ok', verdicts: [] });
  },
);

it('V6-c is SLUB’s: the owners of all objects but the first stay', async () => {
  const [slub, slab] = await Promise.all(['slub', 'slab'].map((config) => runDefect('c', config)));
  expect(slub?.verdicts[0]).toMatchObject({ class: 'invariant-broken', id: 'OBJ-1' });
  expect(slab).toMatchObject({ outcome: 'ok', verdicts: [] });
});

it('V6-b is found where a charge has read the memcg and not yet taken a reference', async () => {
  const params = { defect: 'b' };
  const search = { experiment: 'object-defects', kernel: 'v5.9', config: 'slub', nodes: 1, cpusPerNode: 2, params };
  const plan = await resolveCheck({ run: search, schedules: 100, windows: [READ_OBJCG_MEMCG] });
  const { result } = await check(plan);
  expect(result).toMatchObject({ outcome: 'violation', verdict: { id: 'REF-2' } });
});
