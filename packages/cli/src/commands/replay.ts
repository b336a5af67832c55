import { renderInterleaving, toJson, verdictLines } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled, machineFlags } from '../flags.js';
import { patchFilesFrom, readInput } from '../request.js';
import { textOptions } from '../terminal.js';
import { type CommandThis, ExitStatus } from '../types.js';

interface ReplayFlags {
  readonly patch?: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
}

const DESCRIPTION = `Plays a schedule that "kmemlab check" has saved, and prints who did what: one column per CPU, time downwards. "~" marks
a CPU that is late, the numbered lines are the conflicting steps of the verdict.

A file that plays differently here is refused: it was made with another version of the kernel model, or edited. A file that names
patches of yours needs them again (--patch FILE), with the same text.

Exit status: 1 the verdict came again, 0 it did not (the checker judges the same steps differently now), 2 wrong usage or input.

EXAMPLES
  kmemlab replay uaf.json
  kmemlab replay uaf.json --all
  kmemlab replay mine.json --patch ./mine.mjs`;

export const replayCommand = buildCommand<ReplayFlags, [string], CommandThis>({
  async func(flags, path) {
    const { cli } = this;
    const { searches } = await cli.loadEngine();
    const patchFiles = await patchFilesFrom(flags.patch);
    const { scenario, file, verdict, interleaving } = await searches.playReplay(
      path,
      await readInput('replay file', path),
      patchFiles,
    );
    const same = verdict?.class === file.verdict.class && verdict.id === file.verdict.id;
    this.status = same ? ExitStatus.verdict : ExitStatus.ok;
    if (flags.json) {
      cli.stdout.write(toJson({ schema: 'kmemlab.interleaving/1', file, verdict: verdict ?? null, ...interleaving }));
      return;
    }
    const options = textOptions(cli);
    const { experiment, kernel, nodes, cpusPerNode } = scenario;
    const params = Object.entries(scenario.params).map(([name, value]) => `${name}=${value}`);
    cli.stdout.write(
      [
        `replay of ${experiment} on ${kernel}, ${nodes} x ${cpusPerNode} CPUs, ${params.join('  ')}`,
        '',
        renderInterleaving(interleaving, { ...options, all: flags.all }),
        ...(verdict === undefined ? ['no verdict'] : verdictLines(verdict, 'model', options)),
        same
          ? `the same verdict as in ${path}`
          : `not the verdict in ${path}: ${file.verdict.class} (${file.verdict.id})`,
        '',
      ].join('\n'),
    );
  },
  parameters: {
    flags: {
      patch: machineFlags.patch,
      all: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Also show what happened before anybody was late',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.interleaving/1 document' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A replay file', parse: filled, placeholder: 'file' }],
    },
  },
  docs: { brief: 'Show a schedule that a search has found', fullDescription: DESCRIPTION },
});
