import type { RunResult } from '@kmemlab/results';
import { runOn } from './in-process.js';

export interface Shape {
  readonly nodes: number;
  readonly cpusPerNode: number;
}

export interface Asked extends Shape {
  readonly experiment: string;
  readonly kernels: readonly [string, ...string[]];
  readonly params: Readonly<Record<string, number | string>>;
  readonly config?: string;
  readonly isolcpus?: string;
}

/** What both machines say to the same scenario on one kernel. */
export interface Pair {
  readonly live: RunResult;
  readonly sim: RunResult;
}

async function resultsOf({ kernels, params, ...asked }: Asked, engine: RunResult['engine']): Promise<RunResult[]> {
  const texts = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
  const results: RunResult[] = [];
  for (const kernel of kernels) results.push(await runOn(engine, { ...asked, kernel, params: texts }));
  return results;
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
