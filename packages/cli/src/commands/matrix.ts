import { renderMatrix, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled, integer, jobsFlag, machineFlags } from '../flags.js';
import { patchFilesFrom } from '../request.js';
import { StepLine } from '../step-line.js';
import { textOptions } from '../terminal.js';
import { type CommandThis, statusOfOutcome } from '../types.js';
import { UsageError } from '../usage-error.js';
import { type BugMatrixFlags, runBugMatrix } from './bug-matrix.js';

interface MatrixFlags extends BugMatrixFlags {
  readonly mutations: boolean;
  readonly patch?: readonly string[];
  readonly config?: string;
}

const DESCRIPTION = `Which kernel has which bug? Searches each historical kernel for each bug in the scenario that shows it soonest, with delays at
the bug's own windows, or for what is no broken rule but a finding (such as a removed memcg that stays) runs it once. A
cell is as it should be if what the kernel's design says of it comes out: found, not found, or found under a condition only.

--out DIR keeps matrix.json and a replay file for each bug that was found. An interrupted run goes on where it was: a case
whose kernel model has not changed is not searched again. Small changes of the model make replay files useless; the same
command writes new ones.

--mutations: is every rule of the checker able to fail? Searches each deliberately broken kernel for what it breaks, and
the unbroken one for anything, under the same schedules. A patch of your own (--patch FILE) gets a row, too.

Exit status: 0 every cell or row is as it should be, 1 one is not, 2 wrong usage or input, 130 interrupted.

EXAMPLES
  kmemlab matrix
  kmemlab matrix --kernel v3.14 --bug V0-b --bug V0-c
  kmemlab matrix --variant V4 --schedules 2000
  kmemlab matrix --schedules 20000 --out matrix-20000
  kmemlab matrix --found --schedules 20000 --out matrix-20000
  kmemlab matrix --bug V0-b --json
  kmemlab matrix --mutations
  kmemlab matrix --mutations --schedules 2000 --json
  kmemlab matrix --mutations --patch ./mine.mjs`;

export const matrixCommand = buildCommand<MatrixFlags, [], CommandThis>({
  async func(flags) {
    if (flags.mutations) return runMutationMatrix(this, flags);
    const stray = (['patch', 'config'] as const).find((name) => flags[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray}: for --mutations only; leave it out, or add --mutations`);
    return runBugMatrix(this, flags);
  },
  parameters: {
    flags: {
      mutations: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Search every mutation for what it breaks',
      },
      kernel: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        variadic: true,
        placeholder: 'KERNEL',
        brief: 'Column (repeatable; default all); with --mutations the version that is mutated (default v4.10)',
      },
      variant: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        variadic: true,
        placeholder: 'NAME',
        brief: 'Column by the name of its variant, e.g. V4 (repeatable)',
      },
      bug: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        variadic: true,
        placeholder: 'ID',
        brief: 'Row, e.g. V0-b (repeatable; default all)',
      },
      found: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Only the cases that are to be found: makes their replay files again',
      },
      patch: machineFlags.patch,
      config: machineFlags.config,
      schedules: {
        kind: 'parsed',
        parse: integer([1, 1e9]),
        optional: true,
        placeholder: 'N',
        brief: 'Schedules to try at most for each case or scenario (default 300)',
      },
      seed: machineFlags.seed,
      jobs: jobsFlag,
      out: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'DIR',
        brief: 'Keep matrix.json and replay files there, and go on from what is there',
      },
      json: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Print a kmemlab.bug-matrix/1 document, with --mutations a kmemlab.matrix/1 document',
      },
    },
  },
  docs: {
    brief: 'Search every kernel for every bug, or every deliberately broken kernel',
    fullDescription: DESCRIPTION,
  },
});

async function runMutationMatrix(self: CommandThis, flags: MatrixFlags): Promise<void> {
  const { kernel = ['v4.10'], patch, config, schedules, seed, jobs, json } = flags;
  const stray = (['variant', 'bug', 'found', 'out'] as const).find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray}: not for --mutations; leave one of them out`);
  const [version = '', second] = kernel;
  if (second !== undefined) throw new UsageError('--kernel: given twice; with --mutations give it once');
  const { cli } = self;
  const { searches } = await cli.loadEngine();
  const line = new StepLine(cli.stderr);
  const request = {
    version,
    patchFiles: await patchFilesFrom(patch),
    ...(config !== undefined && { config }),
    ...(schedules !== undefined && { schedules }),
    ...(seed !== undefined && { seed }),
  };
  const result = await searches
    .mutationMatrix(request, { ...(jobs !== undefined && { jobs }), signal: cli.signal, onProgress: line.show })
    .finally(() => line.clear());
  cli.stdout.write(json ? toJson(result) : renderMatrix(result, textOptions(cli)));
  if (result.outcome === 'incomplete') {
    cli.stderr.write(`kmemlab: the matrix is incomplete (interrupted): after ${result.rows.length} rows\n`);
  }
  self.status = statusOfOutcome[result.outcome];
}
