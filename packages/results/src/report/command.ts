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

/** What only a scenario file says: no option does. */
const onlyInFile = ({ settings, live }: RunResult): string[] => [
  ...(settings?.costs === undefined ? [] : ['costs']),
  ...((live?.timeScale ?? 1) === 1 ? [] : ['timeScale']),
];

/** What one has to know to give the command. */
export function commandNotes(results: readonly RunResult[]): string[] {
  const inFile = [...new Set(results.flatMap(onlyInFile))];
  return [
    ...(inFile.length === 0
      ? []
      : [
          `scenario.yaml is in the run directory: it has the ${inFile.join(' and the ')}, for which there is no option.`,
        ]),
    ...(ownPatches(results).length === 0 ? [] : ['A file with a patch of one’s own is called after the patch here.']),
  ];
}

/** The command that runs the same again; see {@link commandNotes}. */
export function commandOf(results: readonly RunResult[]): string {
  const groups = groupByKernel(results);
  const run = results[0];
  if (run === undefined) return '';
  const seeds = groups[0]?.runs.length ?? 1;
  const words = [
    'kmemlab',
    groups.length > 1 ? 'compare' : 'run',
    results.some((result) => onlyInFile(result).length > 0) ? 'scenario.yaml' : run.experiment,
    ...groups.flatMap(({ kernel }) => ['--kernel', kernel]),
    ...['--config', run.config.join(','), '--engine', run.engine],
    ...ownPatches(results).flatMap((name) => ['--patch', `${name}.mjs`]),
    ...(run.settings?.strategy === 'random' ? ['--strategy', 'random'] : []),
    ...(run.machine.isolcpus === undefined ? [] : ['--isolcpus', run.machine.isolcpus.join(',')]),
    ...(run.live?.pinned ? ['--pin'] : []),
    ...['--nodes', String(run.machine.nodes), '--cpus-per-node', String(run.machine.cpusPerNode)],
    ...Object.entries(run.params).flatMap(([key, value]) => ['--param', `${key}=${value}`]),
    ...['--seed', String(run.seed)],
    ...(seeds > 1 ? ['--seeds', String(seeds)] : []),
  ];
  return words.map(quoted).join(' ');
}
