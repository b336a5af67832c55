import { BOOT_CPU, type Topology } from '@kmemlab/machine';
import { InputError } from '../api.js';
import { parseCpuList } from './kernel-config.js';

function checkExist(where: string, cpus: readonly number[], { cpuCount }: Topology): void {
  const missing = cpus.find((cpu) => cpu >= cpuCount);
  if (missing === undefined) return;
  throw new InputError(`${where}: there is no CPU ${missing}; the machine has CPUs 0 to ${cpuCount - 1}`);
}

/**
 * The CPUs to isolate, from a list such as `2-3,7`. The boot CPU may be among them, as in Linux, but one CPU must be left for
 * all other tasks.
 * @param where how the user gave it, e.g. `--isolcpus`
 * @throws InputError
 */
export function isolatedCpus(where: string, text: string, topology: Topology): readonly number[] {
  const cpus = parseCpuList(where, text);
  checkExist(where, cpus, topology);
  if (cpus.length < topology.cpuCount) return cpus;
  throw new InputError(`${where}: ${text} isolates all ${cpus.length} CPUs; leave at least one for other tasks`);
}

/**
 * Check nohz_full= of a configuration against the machine.
 * @throws InputError for a CPU that does not exist, or the boot CPU, which keeps the time for all others
 */
export function checkNohzFull(cpus: readonly number[], topology: Topology): void {
  checkExist('config: nohz_full', cpus, topology);
  if (cpus.includes(BOOT_CPU)) {
    throw new InputError(`config: nohz_full: CPU ${BOOT_CPU} keeps the time for all others; leave it out`);
  }
}
