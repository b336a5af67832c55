import { readdirSync, readFileSync } from 'node:fs';

/**
 * A process on this computer.
 * @typedef {{ pid: number, name: string, env: Record<string, string> }} Process
 */

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Its name and environment; undefined if it is gone, or only waits for its parent to look. */
function processAt(pid) {
  const status = read(`/proc/${pid}/status`);
  const environment = read(`/proc/${pid}/environ`);
  if (status === undefined || environment === undefined || /^State:\s+[ZX]/m.test(status)) return undefined;
  const pairs = environment.split('\0').map((line) => line.split(/=(.*)/s));
  return { pid, name: /^Name:\s+(.*)$/m.exec(status)?.[1] ?? '', env: Object.fromEntries(pairs) };
}

/**
 * Processes whose environment has this variable: those that a program has started, wherever they belong by now.
 * @returns {Process[]}
 */
export function processesWith(variable, value) {
  const wanted = Buffer.from(`${variable}=${value}`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(`/proc/${pid}/environ`)?.includes(wanted.toString()))
    .map((pid) => processAt(Number(pid)))
    .filter((process) => process?.env[variable] === value);
}

/** Number of threads of a process. */
export const threadsOf = (pid) => readdirSync(`/proc/${pid}/task`).length;

/** Signal a process or, if negative, a group; one that is gone is no error. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
