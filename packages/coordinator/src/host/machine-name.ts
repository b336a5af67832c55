import { hostname } from 'node:os';
import { textOf } from './cgroup.js';

/** Names the running kernel, so that containers of one computer, which share its cores, have one name. */
export const machineName = (): string => textOf('/proc/sys/kernel/random/boot_id')?.trim() || hostname();
