import type { Placement, Program } from '@kmemlab/kernel';
import type { Lab } from './lab/types.js';

function* nothing(): Program<void> {}

/** The last phase, `end`: background tasks end, and the machine comes to rest. */
export function endPhase(lab: Lab, placement: Placement): Promise<void> {
  lab.stopBackground();
  return lab.nextPhase('end', nothing, placement, { until: 'quiet' });
}
