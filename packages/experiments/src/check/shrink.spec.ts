import { describe, expect, it } from 'vitest';
import type { RunRequest } from '../api.js';
import { resolveScenario } from '../scenario/resolve.js';
import { fewerCpus, smallerParams } from './shrink.js';

const onFour = (request: RunRequest) => resolveScenario({ engine: 'sim', nodes: 2, cpusPerNode: 2, ...request });

describe('smaller scenarios', () => {
  it('have no CPU in nohz_full that they do not have', async () => {
    const scenario = await onFour({ experiment: 'tune-slabinfo', config: 'slab,nohz_full=1+3' });
    const configs = [...fewerCpus(scenario)].map(({ nodes, cpusPerNode, config }) => [nodes * cpusPerNode, config[3]]);
    expect(configs).toEqual([
      [1, undefined],
      [2, 'nohz_full=1'],
      [2, 'nohz_full=1'],
      [3, 'nohz_full=1'],
    ]);
  });

  it('are none that the experiment refuses', async () => {
    const scenario = await onFour({ experiment: 'empty-cache', params: { cpus: '3', memcgs: '2', live: '1' } });
    expect([...fewerCpus(scenario)].map(({ nodes, cpusPerNode }) => nodes * cpusPerNode)).toEqual([3]);
    const smaller = [...fewerCpus(scenario), ...smallerParams(scenario)];
    expect(smaller.length).toBeGreaterThan(1);
    for (const { params, nodes, cpusPerNode } of smaller) {
      const texts = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
      await resolveScenario({ experiment: 'empty-cache', engine: 'sim', nodes, cpusPerNode, params: texts });
    }
  });
});
