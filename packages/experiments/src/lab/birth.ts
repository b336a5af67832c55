import type { Placement } from '@kmemlab/kernel';
import { BOOT_NODE, type Topology } from '@kmemlab/machine';

/** The node on which a program is born: that of its CPU if it is pinned, else the boot node. */
export const birthNode = (topology: Topology, placement: Placement): number =>
  placement.kind === 'pinned' ? topology.nodeOf(placement.cpu) : BOOT_NODE;
