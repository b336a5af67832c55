import {
  bugMatrix,
  catalogue,
  check,
  checkDeterminism,
  clusterStarter,
  InputError,
  mergeBugMatrix,
  mutationMatrix,
  playReplay,
  resolveCheck,
  resolveScenario,
  runScenario,
  scenarioToYaml,
} from '@kmemlab/experiments';
import { nodeProgram } from '@kmemlab/node-service';
import type { Engine } from './types.js';

const startCluster = clusterStarter({ nodeProgram, env: process.env, measureFloors: true });

/** The experiments that the command runs. */
export const engine: Engine = {
  resolveScenario,
  runScenario: (scenario, options = {}) => runScenario(scenario, { startCluster, ...options }),
  checkDeterminism,
  searches: { resolveCheck, check, playReplay, mutationMatrix, bugMatrix, mergeBugMatrix },
  catalogue,
  scenarioToYaml,
  isInputError: (error) => error instanceof InputError,
};
