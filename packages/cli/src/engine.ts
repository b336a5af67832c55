import {
  bugMatrix,
  catalogue,
  check,
  checkDeterminism,
  checkOnThread,
  clusterStarter,
  InputError,
  mergeBugMatrix,
  mutationMatrix,
  playReplay,
  type RunOptions,
  resolveCheck,
  resolveScenario,
  runOnThread,
  runScenario,
  type Scenario,
  scenarioToYaml,
} from '@kmemlab/experiments';
import { nodeProgram } from '@kmemlab/node-service';
import type { Engine } from './types.js';

const startCluster = clusterStarter({ nodeProgram, env: process.env, measureFloors: true });

/** A thread is slow to start, so a run that is alone and has no code of the user's goes without. */
const needsThread = ({ engine, patchFiles }: Scenario, { sideBySide }: RunOptions): boolean =>
  engine === 'sim' && (sideBySide === true || patchFiles.length > 0);

/** The experiments that the command runs. */
export const engine: Engine = {
  resolveScenario,
  runScenario(scenario, options = {}) {
    if (scenario.engine === 'live') return runScenario(scenario, { startCluster, ...options });
    return (needsThread(scenario, options) ? runOnThread : runScenario)(scenario, options);
  },
  checkDeterminism: (scenario, options = {}) =>
    (needsThread(scenario, options) ? checkOnThread : checkDeterminism)(scenario, options),
  searches: { resolveCheck, check, playReplay, mutationMatrix, bugMatrix, mergeBugMatrix },
  catalogue,
  scenarioToYaml,
  isInputError: (error) => error instanceof InputError,
};
