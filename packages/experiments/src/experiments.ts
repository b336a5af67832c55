import { avoidIpis } from './avoid-ipis/index.js';
import type { Experiment } from './lab/types.js';
import { rcuTorture } from './rcutorture/index.js';
import { torture } from './torture/index.js';
import { tuneSlabinfo } from './tune-slabinfo/index.js';

/** Every built-in experiment. */
export const experiments: readonly Experiment[] = [avoidIpis, tuneSlabinfo, torture, rcuTorture];
