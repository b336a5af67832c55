import type { Patch } from '../../build.js';
import { handleTwice, kickSelf, ringTwice } from './call-interrupts.js';
import { dropCsd, lifoCallQueue, reuseLockedCsd, staleCsdData } from './call-queue.js';
import { forgetLastCpu, kickIrqsOff, unlockBeforeRun, unlockWithoutRelease } from './call-waiting.js';
import { forgetLastPage, swapWithoutWaiting } from './kernel-3.14.js';
import { cssFreeInSoftirq, grantToAll, reverseLockOrder, trylockWaits, unlockUnheld } from './mutexes.js';
import { neverKick } from './never-kick.js';
import { leakCssReference, requeueForEver, withholdQuiescentState } from './progress.js';
import { ignoreSlabsLeft, kickTwice, releaseAtOffline, releaseWithoutDrain } from './slab-caches.js';
import { handOutTwice, loseDrainedObject, miscountFreeObjects, publishLate } from './slab-objects.js';
import { freeQueuedItem, queueOnNextCpu, runItemTwice } from './work-items.js';
import { flushWithoutWaiting, loseItem, secondOrderedWorker } from './work-pools.js';

/** Deliberately broken kernels: at least one for each invariant, in their order, then those that break none by number. */
export const mutations: readonly Patch[] = [
  dropCsd,
  lifoCallQueue,
  unlockBeforeRun,
  staleCsdData,
  unlockWithoutRelease,
  publishLate,
  forgetLastCpu,
  ringTwice,
  kickSelf,
  reuseLockedCsd,
  kickIrqsOff,
  handleTwice,
  withholdQuiescentState,
  loseItem,
  runItemTwice,
  secondOrderedWorker,
  flushWithoutWaiting,
  freeQueuedItem,
  queueOnNextCpu,
  grantToAll,
  unlockUnheld,
  cssFreeInSoftirq,
  reverseLockOrder,
  trylockWaits,
  loseDrainedObject,
  miscountFreeObjects,
  handOutTwice,
  neverKick,
  swapWithoutWaiting,
  releaseAtOffline,
  ignoreSlabsLeft,
  kickTwice,
  releaseWithoutDrain,
  leakCssReference,
  forgetLastPage,
  requeueForEver,
];
