import { renderMatrix, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled, integer, jobsFlag, machineFlags } from '../flags.js';
import { patchFilesFrom } from '../request.js';
import { StepLine } from '../step-line.js';
import { textOptions } from '../terminal.js';
import { type CommandThis, ExitStatus } from '../types.js';
import { UsageError } from '../usage-error.js';

interface MatrixFlags {
  readonly mutations: boolean;
  readonly kernel?: string;
  readonly patch?: readonly string[];
  readonly config?: string;
  readonly schedules?: number;
  readonly seed?: number;
  readonly jobs?: number;
  readonly json: boolean;
}

const DESCRIPTION = `--mutations: is every rule of the checker able to fail? Searches each deliberately broken kernel for what it breaks, and
the unbroken one for anything, under the same schedules. A patch of your own (--patch FILE) gets a row, too.

Exit status: 0 every row is as it should be, 1 one is not, 2 wrong usage or input, 130 interrupted.

EXAMPLES
  kmemlab matrix --mutations
  kmemlab matrix --mutations --schedules 2000 --json
  kmemlab matrix --mutations --patch ./mine.js`;

export const matrixCommand = buildCommand<MatrixFlags, [], CommandThis>({
  async func({ mutations, kernel = 'v4.10', patch, json, ...given }) {
    if (!mutations) throw new UsageError('matrix: say what to search; --mutations is what there is');
    const { cli } = this;
    const { searches } = await cli.loadEngine();
    const line = new StepLine(cli.stderr);
    const { jobs, ...request } = given;
    const result = await searches
      .mutationMatrix(
        { version: kernel, patchFiles: await patchFilesFrom(patch), ...request },
        { ...(jobs !== undefined && { jobs }), signal: cli.signal, onProgress: line.show },
      )
      .finally(() => line.clear());
    cli.stdout.write(json ? toJson(result) : renderMatrix(result, textOptions(cli)));
    const { outcome } = result;
    this.status =
      outcome === 'ok' ? ExitStatus.ok : outcome === 'violation' ? ExitStatus.verdict : ExitStatus.interrupted;
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
        placeholder: 'VERSION',
        brief: 'Kernel version that is mutated (default v4.10)',
      },
      patch: machineFlags.patch,
      config: machineFlags.config,
      schedules: {
        kind: 'parsed',
        parse: integer([1, 1e9]),
        optional: true,
        placeholder: 'N',
        brief: 'Schedules to try at most in each scenario (default 300)',
      },
      seed: machineFlags.seed,
      jobs: jobsFlag,
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.matrix/1 document' },
    },
  },
  docs: { brief: 'Search every deliberately broken kernel', fullDescription: DESCRIPTION },
});
