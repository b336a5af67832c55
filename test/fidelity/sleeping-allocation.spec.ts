import { expect, it } from 'vitest';
import { run } from './run.js';

it('the task goes without its object if it wakes up when there is nobody to charge, and the run goes on to V5p-c', async () => {
  const result = await run({
    experiment: 'sleeping-allocation',
    kernel: 'v5.2+percpu-ref-lifecycle-v4',
    config: 'slub',
    nodes: 1,
    cpusPerNode: 3,
    params: { sleep: '10' },
  });
  expect(result).toMatchObject({ outcome: 'violation', verdicts: [{ id: 'REF-6' }] });
});
