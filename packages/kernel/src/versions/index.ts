import type { KernelVersion } from '../build.js';
import { v314 } from './v3.14.js';
import { v410 } from './v4.10.js';
import { v412 } from './v4.12.js';
import { v52 } from './v5.2.js';
import { v53 } from './v5.3.js';
import { v59 } from './v5.9.js';

/** Every kernel version, oldest first. */
export const versions: readonly KernelVersion[] = [v314, v410, v412, v52, v53, v59];
