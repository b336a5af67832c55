import type { KernelVersion } from '../build.js';
import { v314 } from './v3.14.js';
import { v410 } from './v4.10.js';

/** Every kernel version, oldest first. */
export const versions: readonly KernelVersion[] = [v314, v410];
