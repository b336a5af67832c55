import { defaultConfig, KernelBuild, sys, versions } from '@kmemlab/kernel';
import { resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';
import { expect, it } from 'vitest';
import { checkerFor } from './checked.js';
import { SimLab } from './sim-lab.js';

const nothing = (): void => {};

async function bootedLab(): Promise<SimLab> {
  const build = new KernelBuild(versions[1] as (typeof versions)[number], [], defaultConfig);
  const topology = new Topology(1, 1);
  const probe = checkerFor(build, topology, () => machine);
  const durations = { record: nothing, kick: nothing };
  const costs = resolveCosts({});
  const machine: SimMachine = new SimMachine({
    ...{ build, topology, costs, durations, probe },
    seed: 1,
    strategy: 'time',
    stretches: [],
  });
  const lab = new SimLab(machine, topology, {
    onProgress: nothing,
    onPhase: nothing,
    interrupted: () => false,
    hostMs: () => 0,
    breathe: () => Promise.resolve(),
    audit: nothing,
    conclude: nothing,
  });
  await lab.boot();
  return lab;
}

it('a system call that fails in a program says so, with the phase and the task', async () => {
  const lab = await bootedLab();
  const phase = lab.phase('fill', () => sys.unlink('/tmp/g'), { kind: 'sticky' });
  await expect(phase).rejects.toThrow(
    /^the experiment's program failed in phase fill: task script: unlink\(\/tmp\/g\) failed with errno 2$/,
  );
});
