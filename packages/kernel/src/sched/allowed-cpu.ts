import { BOOT_CPU, type Topology } from '@kmemlab/machine';
import type { Published } from '../published-state.js';

/** Whether the scheduler places tasks on a CPU that are not pinned there: it is online and not isolated. */
export const isHousekeeping = (published: Published, cpu: number): boolean =>
  published.isOnline(cpu) && !published.isIsolated(cpu);

/**
 * The CPU for a task that is not pinned and last ran on `previous`: that CPU if it may be used, else another (as
 * select_fallback_rq: of the same node if there is one). The boot CPU is always online.
 */
export function allowedCpu(published: Published, topology: Topology, previous: number): number {
  return isHousekeeping(published, previous) ? previous : fallbackCpu(published, topology, previous);
}

/** select_fallback_rq (4.10): a CPU instead of one that may not be used. */
export function fallbackCpu(published: Published, topology: Topology, instead: number): number {
  const node = topology.nodeOf(instead);
  const others = published.onlineCpus().filter((cpu) => cpu !== instead && !published.isIsolated(cpu));
  return others.find((cpu) => topology.nodeOf(cpu) === node) ?? others[0] ?? BOOT_CPU;
}
