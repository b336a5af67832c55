import { avoidIpis } from './avoid-ipis/index.js';
import { barrierBatching } from './barrier-batching/index.js';
import { emptyCache } from './empty-cache/index.js';
import { findTiming } from './find-timing/index.js';
import type { Experiment } from './lab/types.js';
import { leftInStock } from './left-in-stock/index.js';
import { objectDefects } from './object-defects/index.js';
import { postedDefects } from './posted-defects/index.js';
import { rcuTorture } from './rcutorture/index.js';
import { reparenting2014 } from './reparenting-2014/index.js';
import { rootDestruction } from './root-destruction/index.js';
import { sleepingAllocation } from './sleeping-allocation/index.js';
import { torture } from './torture/index.js';
import { tuneSlabinfo } from './tune-slabinfo/index.js';
import { zombies } from './zombies/index.js';

/** Every built-in experiment. */
export const experiments: readonly Experiment[] = [
  avoidIpis,
  tuneSlabinfo,
  barrierBatching,
  zombies,
  emptyCache,
  findTiming,
  postedDefects,
  objectDefects,
  rootDestruction,
  reparenting2014,
  sleepingAllocation,
  leftInStock,
  torture,
  rcuTorture,
];
