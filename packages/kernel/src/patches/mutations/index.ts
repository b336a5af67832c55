import type { Patch } from '../../build.js';
import { noBarrierAtRootDestruction, noBarrierAtTeardown } from './barriers.js';
import { handleTwice, kickSelf, ringTwice } from './call-interrupts.js';
import { dropCsd, lifoCallQueue, reuseLockedCsd, staleCsdData } from './call-queue.js';
import { forgetLastCpu, kickIrqsOff, unlockBeforeRun, unlockWithoutRelease } from './call-waiting.js';
import { dyingKeepsCalls } from './hotplug.js';
import { forgetLastPage, noBarrierBeforeDestroy, swapWithoutWaiting } from './kernel-3.14.js';
import { keepFilesActive } from './kernfs.js';
import { forgetMemcgCaches, ignoreKmem, keepListLrus, loseSlabStatistics } from './memcg-charges.js';
import {
  cssFreeInSoftirq,
  grantToAll,
  hotplugUnderSlabMutex,
  reverseLockOrder,
  trylockWaits,
  unlockUnheld,
} from './mutexes.js';
import { neverKick } from './never-kick.js';
import { keepOwner, leakObjcgReference, loseByteStatistics, loseInherited, loseRemainder } from './obj-cgroups.js';
import {
  countTwice,
  exitAtOffline,
  getAfterRelease,
  killWithoutBias,
  liveAfterConfirm,
  releaseSleeps,
  releaseTooEarly,
} from './percpu-ref.js';
import { leakCssReference, requeueForEver, withholdQuiescentState } from './progress.js';
import {
  barrierFindsNothing,
  barriersOverlap,
  callbackTooEarly,
  lifoCallbacks,
  queueHeadTwice,
  sleepInCallback,
} from './rcu-callbacks.js';
import { blindScan, forgetLastReader, leakReadLock, synchronizeAtOnce } from './rcu-readers.js';
import {
  ignoreSlabsLeft,
  kickTwice,
  releaseAtOffline,
  releaseWithoutDrain,
  unlinkAfterShutdown,
} from './slab-caches.js';
import { handOutTwice, loseDrainedObject, miscountFreeObjects, publishLate } from './slab-objects.js';
import {
  discardUsedSlab,
  forgetCpuSlab,
  ignoreNameClash,
  keepRetention,
  loseGivenBackObject,
  missCpuSlabs,
  oneNameForAll,
  partialButFrozen,
} from './slub-slabs.js';
import { freeQueuedItem, queueOnNextCpu, runItemTwice } from './work-items.js';
import { flushWithoutWaiting, loseItem, secondOrderedWorker } from './work-pools.js';

/** Deliberately broken kernels: at least one for each invariant, in their order, then those that break none by number. */
export const mutations: readonly Patch[] = [
  dropCsd,
  dyingKeepsCalls,
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
  callbackTooEarly,
  lifoCallbacks,
  forgetLastReader,
  blindScan,
  barrierFindsNothing,
  barriersOverlap,
  synchronizeAtOnce,
  sleepInCallback,
  leakReadLock,
  withholdQuiescentState,
  queueHeadTwice,
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
  hotplugUnderSlabMutex,
  trylockWaits,
  releaseTooEarly,
  getAfterRelease,
  killWithoutBias,
  liveAfterConfirm,
  exitAtOffline,
  releaseSleeps,
  countTwice,
  loseDrainedObject,
  miscountFreeObjects,
  handOutTwice,
  neverKick,
  swapWithoutWaiting,
  releaseAtOffline,
  ignoreSlabsLeft,
  kickTwice,
  releaseWithoutDrain,
  forgetCpuSlab,
  loseGivenBackObject,
  partialButFrozen,
  discardUsedSlab,
  keepRetention,
  missCpuSlabs,
  ignoreNameClash,
  oneNameForAll,
  ignoreKmem,
  loseSlabStatistics,
  forgetMemcgCaches,
  keepListLrus,
  keepOwner,
  leakObjcgReference,
  loseRemainder,
  loseInherited,
  loseByteStatistics,
  noBarrierAtRootDestruction,
  noBarrierAtTeardown,
  noBarrierBeforeDestroy,
  leakCssReference,
  unlinkAfterShutdown,
  forgetLastPage,
  requeueForEver,
  keepFilesActive,
];
