import type { Policies } from '../build.js';
import { lockAndExecute } from './barrier.js';
import { waitRcuGp } from './synchronize.js';

/** What tree RCU does alike in all versions. */
export const treeRcu: Pick<Policies['rcu'], 'takeReady' | 'waitForGracePeriod' | 'barrier'> = {
  takeReady: ({ callbacks }, most) => callbacks.takeReady(most),
  waitForGracePeriod: waitRcuGp,
  barrier: lockAndExecute,
};
