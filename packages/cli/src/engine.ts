import {
  catalogue,
  checkDeterminism,
  InputError,
  resolveScenario,
  runScenario,
  scenarioToYaml,
} from '@kmemlab/experiments';
import type { Engine } from './types.js';

/** The experiments that the command runs. */
export const engine: Engine = {
  resolveScenario,
  runScenario,
  checkDeterminism,
  catalogue,
  scenarioToYaml,
  isInputError: (error) => error instanceof InputError,
};
