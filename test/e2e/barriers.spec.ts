import { check, resolveCheck } from '@kmemlab/experiments';
import { describe, expect, test } from 'vitest';

const SCHEDULES = 12;

const searchOf = async (kernel: string, nodes: number) => {
  const run = { experiment: 'torture', kernel, nodes, cpusPerNode: 2 };
  const { result } = await check(await resolveCheck({ run, schedules: SCHEDULES }), { jobs: 1 });
  return result;
};

/*
 * Pages of an RCU-typed cache hold its memcg, or the cache itself, until their callbacks have run: a memcg's caches need no
 * rcu_barrier. When a root cache is destroyed nothing holds it.
 */
describe.each(['v4.12', 'v5.2', 'v5.3'])('%s without the rcu_barrier', (version) => {
  test('before the caches of a freed memcg are released breaks nothing', async () => {
    const result = await searchOf(`${version}+no-barrier-at-teardown`, 2);
    expect(result).toMatchObject({ outcome: 'ok', schedules: SCHEDULES });
  });

  test('before a destroyed root cache is released is found', async () => {
    const result = await searchOf(`${version}+no-barrier-at-root-destruction`, 1);
    expect(result).toMatchObject({ outcome: 'violation', verdict: { id: 'SLAB-6' } });
  });
});
