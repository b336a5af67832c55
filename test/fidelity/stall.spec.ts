import { expect, test } from 'vitest';
import { run } from './run.js';

const deaf = `export default {
  name: 'deaf',
  summary: 'call-function interrupts do nothing',
  apply(kernel) {
    kernel.interruptHandlers[0] = function* () {};
    kernel.interruptHandlers[1] = function* () {};
  },
};`;

test.each(['avoid-ipis', 'tune-slabinfo'])(
  '%s without interrupt handlers ends with a verdict, though other tasks go on',
  async (experiment) => {
    const patchFiles = [{ path: 'deaf.mjs', text: deaf }];
    const { outcome, verdicts } = await run({ experiment, nodes: 1, cpusPerNode: 4, patchFiles });
    expect(outcome).toBe('violation');
    expect(verdicts[0]).toMatchObject({ id: 'SMP-1', detail: 'a queued call was never executed' });
  },
);

test('a long wait in which the kernel gets on with its work is no stall', async () => {
  const scenarioText =
    'experiment: avoid-ipis\nnodes: 1\ncpusPerNode: 2\nparams: { loops: 3 }\ncosts: { slab.create: 5000000000 }\n';
  const { outcome, phases } = await run({ experiment: 'slow.yaml', scenarioText });
  expect(outcome).toBe('ok');
  expect(phases.settle?.elapsedModelNs).toBeGreaterThan(21e9);
});
