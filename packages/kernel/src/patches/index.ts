import type { Patch } from '../build.js';
import { avoidKickOnCreate } from './avoid-kick-on-create.js';
import { mutations } from './mutations/index.js';

/** Every patch that a kernel specification can name. */
export const patches: readonly Patch[] = [avoidKickOnCreate, ...mutations];
