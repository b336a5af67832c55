import { buildCommand } from '@stricli/core';
import { experimentArgument, kernelFlag, type MachineFlags, machineFlags } from '../flags.js';
import { requestFrom } from '../request.js';
import { runRequests } from '../run-requests.js';
import type { CommandThis } from '../types.js';

type RunFlags = MachineFlags & { readonly kernel?: string };

const DESCRIPTION = `Runs one experiment and reports what it counted.

EXPERIMENT is a name from "kmemlab list experiments", or a scenario file ending in .yaml; flags override the file.

--engine live, the default, starts a process for each NUMA node and a thread for each CPU on this computer, or takes
nodes offered by "kmemlab node" (--nats); the first line says which broker carries their messages. Counts are exact,
latencies are host time. --engine sim is the deterministic machine: the same seed gives the same events, and every
numbered rule is checked. --strategy and --check-determinism imply it.

The run directory gets scenario.yaml at the start and result.json at every phase mark and at the end.

--json prints the result document (kmemlab.result/1). With --seeds N above 1 it prints a kmemlab.compare/1 document
that holds one result per seed, and the run directory has a sub-directory per seed. Seeds run side by side on the
deterministic machine (--jobs), one after the other on the live one.

On the live machine nodes have a minute and half a second per CPU to start; KMEMLAB_START_DEADLINE=S says otherwise, in
seconds. A node that is silent for longer than --deadline afterwards fails the run.

Exit status: 0 ok, 1 a verdict was found, 2 wrong usage or input, 3 the run failed, 130 interrupted.

EXAMPLES
  kmemlab run avoid-ipis
  kmemlab run avoid-ipis --kernel v4.10+avoid-kick-on-create --param loops=1000 --param profile=mail
  kmemlab run tune-slabinfo --param writes=100 --param children=10 --nodes 1
  kmemlab run tune-slabinfo --kernel v4.10+never-kick --param irqOffCpu=1
  kmemlab run avoid-ipis --kernel v4.10+mine --patch ./mine.mjs --json > result.json
  kmemlab run avoid-ipis --nodes 2 --cpus-per-node 4 --pin
  kmemlab run avoid-ipis --isolcpus 2-3,7 --config nohz_full=2-3+7
  kmemlab run avoid-ipis --nats nats://127.0.0.1:4222 --deadline 30
  kmemlab run avoid-ipis --engine sim --param loops=10000
  kmemlab run avoid-ipis --engine sim --seeds 20 --jobs 4
  kmemlab run my-scenario.yaml --seed 7 --check-determinism`;

export const runCommand = buildCommand<RunFlags, [string], CommandThis>({
  async func(flags, experiment) {
    this.status = await runRequests(this.cli, experiment, [await requestFrom(experiment, flags, flags.kernel)], flags);
  },
  parameters: {
    flags: {
      kernel: kernelFlag,
      ...machineFlags,
    },
    positional: experimentArgument,
  },
  docs: { brief: 'Run an experiment on one kernel', fullDescription: DESCRIPTION },
});
