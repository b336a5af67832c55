import type { PatchFile, RunRequest } from '@kmemlab/experiments';
import { expect, test } from 'vitest';
import { run } from '../fidelity/run.js';

/** Unbroken kernels where something rare meets something rare: what would be a verdict there is a mistake of the model or the checker. */
const clean: readonly (readonly [string, RunRequest])[] = [
  [
    'a release of percpu_ref keeps preemption off',
    {
      experiment: 'left-in-stock',
      kernel: 'v4.10',
      nodes: 1,
      cpusPerNode: 2,
      config: 'slub,preempt',
    },
  ],
  [
    'the last CPU but one, on its way down, wakes a task of the other with a call',
    {
      experiment: 'torture',
      kernel: 'v5.9',
      nodes: 1,
      cpusPerNode: 2,
      params: { loops: '1', hotplug: '2' },
    },
  ],
  [
    'a CPU dies while a cache that was shut down waits for its barrier',
    {
      experiment: 'torture',
      kernel: 'v5.9',
      nodes: 2,
      cpusPerNode: 1,
      config: 'slab,preempt',
      strategy: 'random',
      seed: 6,
      params: { loops: '1', hotplug: '2' },
    },
  ],
  [
    'a writer waits for the grace period of a CPU that is stopped for it',
    {
      experiment: 'tune-slabinfo',
      kernel: 'v4.10',
      nodes: 4,
      cpusPerNode: 4,
      params: { irqOffCpu: '1', pause: '1', children: '1', writes: '1' },
    },
  ],
  [
    'the caches that a memcg adopts keep nothing, either',
    {
      experiment: 'zombies',
      kernel: 'v5.3',
      nodes: 2,
      cpusPerNode: 2,
      config: 'slub',
      params: { generations: '3', parent: 'memcg' },
    },
  ],
];

test.each(clean)('%s', async (_what, request) => {
  const { outcome, verdicts, failure } = await run(request);
  expect({ outcome, verdicts, failure }).toEqual({ outcome: 'ok', verdicts: [] });
});

test('SLUB-5: retention is missed in caches that a memcg has adopted', async () => {
  const params = { generations: '3', parent: 'memcg' };
  const { verdicts } = await run({ experiment: 'zombies', kernel: 'v5.3+keep-retention', config: 'slub', params });
  expect(verdicts[0]?.id).toBe('SLUB-5');
});

/** An RCU callback that frees nothing. */
const forgets = (callback: string): PatchFile => ({
  path: 'forgets.mjs',
  text: `export default {
    name: 'forgets',
    apply: ({ functions }) => functions.replaceFunction('rcu', '${callback}', () => function* forget() {}),
  };`,
});

test.each([
  ['css_free_rcu_fn', 'zombies', 'has no references left'],
  ['__d_free', 'avoid-ipis', 'killed and never freed'],
  ['i_callback', 'avoid-ipis', 'of no dentry'],
])('what %s does not free is a leak, found in %s', async (callback, experiment, detail) => {
  const amount = experiment === 'zombies' ? { generations: '2' } : { loops: '2' };
  const { verdicts } = await run({ experiment, patchFiles: [forgets(callback)], params: amount });
  expect(verdicts[0]).toMatchObject({ class: 'leak', detail: expect.stringContaining(detail) });
});

test('what waits for a grace period and is forgotten is a leak', async () => {
  const params = { memcgs: '2', workload: 'fork' };
  const { verdicts } = await run({ experiment: 'barrier-batching', patchFiles: [forgets('put_cred_rcu')], params });
  expect(verdicts[0]).toMatchObject({ class: 'leak', detail: expect.stringContaining('given up to RCU') });
});
