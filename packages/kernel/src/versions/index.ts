import type { KernelVersion } from '../build.js';
import { v410 } from './v4.10.js';
import { v59 } from './v5.9.js';

/** Every kernel version, oldest first. */
export const versions: readonly KernelVersion[] = [v410, v59];
