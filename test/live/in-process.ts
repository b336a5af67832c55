import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { clusterStarter, type RunRequest, resolveScenario, runScenario } from '@kmemlab/experiments';
import type { RunResult } from '@kmemlab/results';

/** What `npm run build` has made of the node service; the nodes run as they do for a user. */
const nodeProgram = fileURLToPath(new URL('../../services/node/dist/main.js', import.meta.url));

const startCluster = clusterStarter({ nodeProgram, env: process.env, measureFloors: false });

/** For a peer to be silent on a computer that does much else meanwhile, ms. */
const PATIENCE = 60_000;

/** How many live runs go on at a time: starting the nodes of one keeps one core busy at most. */
export const LANES = Math.max(1, Math.min(4, availableParallelism()));

/** Run a request on one machine. The command is left out, and with it what this computer's floors are. */
export async function runOn(engine: RunResult['engine'], request: RunRequest, timeScale?: number): Promise<RunResult> {
  const own = engine === 'live' && timeScale !== undefined && { timeScale };
  const scenario = await resolveScenario({ ...request, engine, ...own });
  return runScenario(scenario, { startCluster, place: { deadlineMs: PATIENCE } });
}
