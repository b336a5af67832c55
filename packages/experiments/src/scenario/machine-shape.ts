import type { RunResult } from '@kmemlab/results';
import type { Scenario } from '../api.js';

/** The machine of a scenario, as documents name it. */
export const machineShape = ({ nodes, cpusPerNode, isolcpus }: Scenario): RunResult['machine'] => ({
  nodes,
  cpusPerNode,
  ...(isolcpus.length > 0 && { isolcpus }),
});
