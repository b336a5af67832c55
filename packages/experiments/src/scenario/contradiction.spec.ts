import { expect, it } from 'vitest';
import { parseKernel } from './kernel-spec.js';
import { resolveScenario } from './resolve.js';

it.each([
  [{ objects: '3', live: '4' }, 'slab', /^empty-cache: live=4 of objects=3; give at most live=3$/],
  [{ cpus: '9' }, 'slab', /^empty-cache: cpus=9, and the machine has 8; give at most cpus=8$/],
  [{ shrinks: '1' }, 'slab', /^empty-cache: shrinks are .*; leave shrinks out, or give --config slub$/],
  [{ minPartial: '0' }, 'slab', /^empty-cache: SLAB has no min_partial; .*, or give --config slub$/],
])('empty-cache with %j means nothing with %s and is refused', async (params, config, message) => {
  await expect(resolveScenario({ experiment: 'empty-cache', config, params })).rejects.toThrow(message);
});

it('empty-cache with as much as there is, or with what SLUB has, is not', async () => {
  const params = { objects: '3', live: '3', cpus: '8', shrinks: '1', minPartial: '0' };
  const scenario = await resolveScenario({ experiment: 'empty-cache', config: 'slub', params });
  expect(scenario.params).toMatchObject({ live: 3, cpus: 8, shrinks: 1 });
});

it.each([
  [
    'v3.14+reparent-2014+pin-until-release',
    /reparent-2014 and pin-until-release both decide when .*; name one of them$/,
  ],
  ['v5.2+percpu-ref-lifecycle+percpu-ref-lifecycle-v4', /both decide what holds a cache of a memcg; name one of them$/],
  ['v3.14+reparent-2014:upto=3:without=5', /upto=3 leaves out patch 5 already; leave without out$/],
])('the kernel %s means nothing and is refused', (kernel, message) => {
  expect(() => parseKernel(kernel)).toThrow(message);
});

it.each(['v3.14+explicit-slab-charging+pin-until-release', 'v3.14+reparent-2014:upto=3:without=3'])(
  'the kernel %s is not',
  (kernel) => expect(() => parseKernel(kernel)).not.toThrow(),
);
