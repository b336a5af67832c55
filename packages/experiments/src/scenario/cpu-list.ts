import type { Topology } from '@kmemlab/machine';
import { InputError } from '../api.js';

const RANGE = /^(\d+)(?:-(\d+))?$/;

/**
 * Parse a list of CPUs as isolcpus= and nohz_full= take it, e.g. `2-3,7`; ascending, each once.
 * @param where how the user gave it, e.g. `--isolcpus`
 * @throws InputError for anything else, or a CPU that the machine has not
 */
export function parseCpuList(where: string, text: string, { cpuCount }: Topology): number[] {
  const cpus = new Set<number>();
  for (const part of text.split(',').map((item) => item.trim())) {
    const [, first, last = first] = RANGE.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first)) {
      throw new InputError(`${where}: ${JSON.stringify(text)} is no list of CPUs; give one such as 2-3,7`);
    }
    if (Number(last) >= cpuCount) {
      throw new InputError(`${where}: there is no CPU ${last}; the machine has CPUs 0 to ${cpuCount - 1}`);
    }
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/**
 * The CPUs to isolate. The boot CPU may be among them, as in Linux, but one CPU must be left for all other tasks.
 * @throws InputError
 */
export function isolatedCpus(where: string, text: string, topology: Topology): number[] {
  const cpus = parseCpuList(where, text, topology);
  if (cpus.length < topology.cpuCount) return cpus;
  throw new InputError(`${where}: ${text} isolates all ${cpus.length} CPUs; leave at least one for other tasks`);
}

/** A list of CPUs as a user would write it. */
export function cpuListOf(cpus: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const cpu of cpus) {
    const range = ranges[ranges.length - 1];
    if (range !== undefined && range[1] === cpu - 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
