import { availableParallelism } from 'node:os';
import { textOf } from './cgroup.js';

/** The cores that this process may run on, by number. */
export function allowedCores(status = textOf('/proc/self/status') ?? ''): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1];
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, core) => core);
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
