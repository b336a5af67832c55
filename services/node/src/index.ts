import { fileURLToPath } from 'node:url';

export { type NodeDaemonRequest, RegistryLost, runNodeDaemon } from './daemon.js';

/** Path of the program that every node process runs. */
export const nodeProgram: string = fileURLToPath(new URL('./main.js', import.meta.url));
