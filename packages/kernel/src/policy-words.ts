import { workqueueNames } from './workqueue/queues.js';

/** What a policy whose value is a word can be, by its path. */
export const policyWords = {
  'smp.maskCallRings': ['everyTarget', 'emptyQueues'],
  'smp.wakeups': ['reschedule', 'call'],
  'smp.releaseAsync': ['beforeRun', 'afterRun'],
  'rcu.flavours': ['split', 'consolidated'],
  'rcu.barrierCallback': ['queued', 'entrained'],
  'slab.trims': ['emptied', 'lastFree'],
  'slab.unlinks': ['inShutdown', 'afterShutdown'],
  'slub.directoryGoes': ['shutdown', 'shutdownLocked', 'release', 'work'],
  'memcg.creationQueue': workqueueNames,
  'memcg.deactivationQueue': workqueueNames,
  'memcg.childCaches.counts': ['pages', 'references'],
  'memcg.childCaches.listReadyFrom': ['activation', 'alloc'],
  'memcg.lifecycle.tryget': ['plain', 'live'],
  'memcg.lifecycle.leaveLookup': ['unlock', 'lock'],
  'memcg.lifecycle.wqLock': ['plain', 'irqsave'],
  'memcg.lifecycle.dyingGuard': ['slab_mutex', 'memcg_kmem_wq_lock'],
  'memcg.lifecycle.shutdown': ['queued', 'afterGracePeriod'],
  'reclaim.slabUnit': ['pages', 'bytes'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The words of one policy. */
export type PolicyWord<Path extends keyof typeof policyWords> = (typeof policyWords)[Path][number];
