import type { Patch } from '../build.js';
import { avoidKickOnCreate } from './avoid-kick-on-create.js';
import { neverKick } from './never-kick.js';

/** Every patch that a kernel specification can name. */
export const patches: readonly Patch[] = [avoidKickOnCreate, neverKick];
