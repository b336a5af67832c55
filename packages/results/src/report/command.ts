import { groupByKernel } from '../kernel-runs.js';
import type { RunResult } from '../schema.js';

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const ownPatches = (results: readonly RunResult[]): string[] => [
  ...new Set(
    results
      .flatMap(({ settings }) => (settings?.patchFiles ?? []) as readonly { readonly name: string }[])
      .map(({ name }) => name),
  ),
];

/**
 * The command that runs the same again, with files of patches of one's own named after the patches. No flag says costs and timeScale of
 * a scenario file: they are in the run directory's scenario.yaml.
 */
export function commandOf(results: readonly RunResult[]): string {
  const groups = groupByKernel(results);
  const run = results[0];
  if (run === undefined) return '';
  const seeds = groups[0]?.runs.length ?? 1;
  const words = [
    'kmemlab',
    groups.length > 1 ? 'compare' : 'run',
    run.experiment,
    ...groups.flatMap(({ kernel }) => ['--kernel', kernel]),
    ...['--config', run.config.join(','), '--engine', run.engine],
    ...ownPatches(results).flatMap((name) => ['--patch', `${name}.mjs`]),
    ...(run.settings?.strategy === 'random' ? ['--strategy', 'random'] : []),
    ...(run.machine.isolcpus === undefined ? [] : ['--isolcpus', run.machine.isolcpus.join(',')]),
    ...['--nodes', String(run.machine.nodes), '--cpus-per-node', String(run.machine.cpusPerNode)],
    ...Object.entries(run.params).flatMap(([key, value]) => ['--param', `${key}=${value}`]),
    ...['--seed', String(run.seed)],
    ...(seeds > 1 ? ['--seeds', String(seeds)] : []),
  ];
  return words.map(quoted).join(' ');
}
