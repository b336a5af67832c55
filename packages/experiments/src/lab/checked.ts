import type { Probe } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';

/** The checker beside a machine: it hears every tracepoint, and audits what is at rest at each phase mark. */
export interface AttachedChecker {
  readonly probe: Probe | null;
  watch(machine: SimMachine, topology: Topology): void;
  readonly audit: () => void;
}

export function attachChecker(): AttachedChecker {
  return { probe: null, watch: () => {}, audit: () => {} };
}
