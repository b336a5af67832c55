import type { RunResult } from '@kmemlab/results';
import { emptyDirectory, kmemlab } from '../e2e/command.js';

export interface Shape {
  readonly nodes: number;
  readonly cpusPerNode: number;
}

export interface Asked extends Shape {
  readonly experiment: string;
  readonly kernels: readonly [string, ...string[]];
  readonly params: Readonly<Record<string, number | string>>;
  /** More flags of the command. */
  readonly flags?: readonly string[];
}

/** What both machines say to the same scenario on one kernel. */
export interface Pair {
  readonly live: RunResult;
  readonly sim: RunResult;
}

function argsOf({ experiment, kernels, nodes, cpusPerNode, params, flags = [] }: Asked): string[] {
  const command = kernels.length === 1 ? 'run' : 'compare';
  return [
    command,
    experiment,
    ...kernels.flatMap((kernel) => ['--kernel', kernel]),
    ...['--nodes', String(nodes), '--cpus-per-node', String(cpusPerNode)],
    ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
    ...flags,
    '--json',
  ];
}

/** Run the built command on one machine, as a user does; a result for each kernel. */
async function resultsOf(asked: Asked, engine: RunResult['engine']): Promise<readonly RunResult[]> {
  const { stdout, stderr } = await kmemlab([...argsOf(asked), '--engine', engine], emptyDirectory());
  if (stdout === '') throw new Error(stderr);
  const document: RunResult | { readonly results: readonly RunResult[] } = JSON.parse(stdout);
  return 'results' in document ? document.results : [document];
}

/** Run the same scenario on both machines: a pair for each kernel, in order. */
export async function onBoth(asked: Asked): Promise<readonly Pair[]> {
  const live = await resultsOf(asked, 'live');
  const sim = await resultsOf(asked, 'sim');
  return live.map((result, index) => ({ live: result, sim: sim[index] as RunResult }));
}

/** Run a scenario on the live machine. */
export async function onLive(asked: Asked): Promise<RunResult> {
  return (await resultsOf(asked, 'live'))[0] as RunResult;
}
