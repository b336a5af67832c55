import { buildCommand } from '@stricli/core';
import { experimentArgument, filled, type MachineFlags, machineFlags } from '../flags.js';
import { requestFrom } from '../request.js';
import { runRequests } from '../run-requests.js';
import type { CommandThis } from '../types.js';
import { UsageError } from '../usage-error.js';

type CompareFlags = MachineFlags & { readonly kernel?: readonly string[] };

const DESCRIPTION = `Runs one experiment on two or more kernels and shows them side by side.

The first --kernel is the one the others are compared with: ratios, the spread over --seeds, and a sentence that says
what the difference means. Every kernel is checked before the first one runs. The run directory has a sub-directory
per kernel (and seed), each with scenario.yaml and result.json, and compare.json.

A patch of your own (--patch FILE) goes into the kernels that name it, as v4.10+mine does, or into all if none names it.

--engine live, the default, runs one kernel after the other on threads and processes of this computer; --engine sim is
the deterministic machine, where they run side by side (--jobs), and --strategy and --check-determinism imply it.

--json prints a kmemlab.compare/1 document that holds every result, also those with verdicts.

Exit status: 0 ok, 1 a verdict was found, 2 wrong usage or input, 3 a run failed, 130 interrupted.

EXAMPLES
  kmemlab compare avoid-ipis --kernel v4.10 --kernel v4.10+avoid-kick-on-create
  kmemlab compare avoid-ipis --kernel v4.10 --kernel v4.10+avoid-kick-on-create --seeds 5 --strategy random
  kmemlab compare zombies --engine sim --kernel v5.2 --kernel v5.3 --seeds 3 --jobs 2
  kmemlab compare tune-slabinfo --kernel v4.10 --kernel v4.10+mine --patch ./mine.mjs --nodes 4 --json`;

export const compareCommand = buildCommand<CompareFlags, [string], CommandThis>({
  async func(flags, experiment) {
    const kernels = flags.kernel ?? [];
    if (kernels.length < 2) {
      throw new UsageError(
        `compare: ${kernels.length === 0 ? 'no --kernel given' : 'one --kernel given'}; give at least two, e.g. --kernel v4.10 --kernel v4.10+avoid-kick-on-create`,
      );
    }
    const request = await requestFrom(experiment, flags);
    const requests = kernels.map((kernel) => ({ ...request, kernel, comparedWith: kernels }));
    this.status = await runRequests(this.cli, experiment, requests, flags);
  },
  parameters: {
    flags: {
      kernel: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        variadic: true,
        placeholder: 'KERNEL',
        brief: 'A kernel to compare (at least two); see kmemlab list kernels',
      },
      ...machineFlags,
    },
    positional: experimentArgument,
  },
  docs: { brief: 'Run an experiment on several kernels, side by side', fullDescription: DESCRIPTION },
});
