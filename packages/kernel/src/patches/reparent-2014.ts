import type { Patch, Policies } from '../build.js';
import {
  bindSlab,
  chargeCacheAhead,
  memcgHeldByCache,
  releaseSlab,
  unchargeCacheAfter,
} from '../mm/memcontrol/charge-cache.js';
import type { ChildCaches } from '../mm/memcontrol/child-caches.js';
import { countReferencesOf, destroyCounted } from '../mm/memcontrol/counted-destruction.js';
import { destroyChildrenGuarded, rootIsDying } from '../mm/memcontrol/destroy-of-root.js';
import { chargePagesFor } from '../mm/memcontrol/kmem-charge.js';
import { memcgReparentSlab, putMemcg, tryToGetMemcg, unregisterWherever } from '../mm/memcontrol/reparent-slab.js';
import { childrenOnList } from '../mm/slab-common/cache-list.js';
import { directoryByAddress } from '../mm/slub/policies.js';
import { flushWorkqueue } from '../workqueue/workqueue.js';

type Step = (policies: Policies, children: ChildCaches) => void;

/** 1: creation works have a queue of their own, which is flushed before a memcg goes offline and before a root is destroyed. */
export const flushCreationsBeforeDestruction: Step = ({ memcg }, children) => {
  memcg.creationQueue = 'memcg_cache_create';
  children.flushCreations = (cpu) => flushWorkqueue(cpu, 'memcg_cache_create');
};

/** 2: references of the memcg and of each page take the place of the page count and the dead mark. */
const countReferencesToCaches: Step = (policies) => {
  countReferencesOf(policies).destroyWork = destroyCounted({ retention: true, waits: null });
};

/** 3: a destroy work leaves its cache alone once the root is being destroyed; that unregisters the cache and waits for the work. */
const guardRootDestruction: Step = (_policies, children) => {
  children.backsOff = rootIsDying;
  children.unregistersFirst = true;
  children.destroyOfRoot = destroyChildrenGuarded;
};

/** 4: a memcg's list of caches can be used from css_alloc on, not only once the memcg is kmem-active. */
const initListsAtCreation: Step = (_policies, children) => {
  children.listReadyFrom = 'alloc';
};

/** 5: a cache's params point to the cache, which need not be in a slot any more. */
const pointToCache: Step = (_policies, children) => {
  // biome-ignore lint/correctness/useYield: the pointer is where the work item is
  children.ofParams = function* byPointer(_cpu, params) {
    return params;
  };
};

/** 6: each root keeps a list of all its children, those that are in no slot any more, too. */
const listChildrenOfRoot: Step = ({ memcg }) => {
  memcg.childrenOf = childrenOnList;
};

/** 7: a slab is charged to the memcg of its cache, before the pages are allocated, and uncharged after they have been freed. */
const chargeMemcgOfCache: Step = ({ memcg }, children) => {
  memcg.chargeAhead = { charge: chargeCacheAhead, uncharge: unchargeCacheAfter };
  memcg.chargeSlab = bindSlab;
  memcg.unchargeSlab = releaseSlab;
  children.getMemcg = memcgHeldByCache;
};

/** 8: kmalloc of more than two pages is not charged. */
const leaveLargeKmallocOut: Step = ({ memcg }) => {
  memcg.chargePages = chargePagesFor(['kernel_stack']);
};

/** 9: kernel stacks (thread_info) are not charged. */
const leaveThreadInfoOut: Step = ({ memcg }) => {
  memcg.chargePages = chargePagesFor([]);
};

/** 10: nobody asks for accounting of pages any more: the hooks in the page allocator go. */
const dropPageHooks: Step = ({ memcg }) => {
  memcg.hooksEveryPage = false;
};

/** 11: a memcg that goes offline hands its caches to its parent; no cache holds it, and it does not hold itself. */
const reparentSlabOnOffline: Step = ({ reclaim }, children) => {
  reclaim.chargesEndWithMemcg = false;
  children.offline = memcgReparentSlab;
  children.unregister = unregisterWherever;
  children.holdsMemcg = false;
  children.getMemcg = tryToGetMemcg;
  children.putMemcg = putMemcg;
};

/** 12: with SLUB, a child's directory has the cache's address in its name. */
const nameDirectoriesByAddress: Step = ({ slub }) => {
  slub.directoryOf = directoryByAddress;
};

/** The mails of the series, in their order. */
const series: readonly Step[] = [
  flushCreationsBeforeDestruction,
  countReferencesToCaches,
  guardRootDestruction,
  initListsAtCreation,
  pointToCache,
  listChildrenOfRoot,
  chargeMemcgOfCache,
  leaveLargeKmallocOut,
  leaveThreadInfoOut,
  dropPageHooks,
  reparentSlabOnOffline,
  nameDirectoriesByAddress,
];

export const reparent2014: Patch = {
  name: 'reparent-2014',
  summary: 'a memcg that goes offline hands its caches to its parent; `upto` applies a beginning of the series only',
  mail: 'Vladimir Davydov, posted to linux-mm in February 2014: twelve patches that reparent kmem on css offline',
  appliesTo: ['v3.14'],
  decides: 'when a cache of a removed memcg is destroyed',
  options: {
    upto: { kind: 'integer', min: 1, max: series.length, default: series.length, summary: 'patches of the series' },
    without: {
      kind: 'integer',
      min: 0,
      max: series.length,
      default: 0,
      summary: 'a patch to leave out, to see what it is there for; 0 for none',
    },
  },
  contradiction: ({ upto, without }) =>
    Number(without) > Number(upto) ? `upto=${upto} leaves out patch ${without} already; leave without out` : undefined,
  apply: ({ policies }, _api, { upto, without }) => {
    const { childCaches } = policies.memcg;
    if (childCaches === null) throw new Error('reparent-2014 needs caches with destroy works');
    for (const [index, step] of series.slice(0, Number(upto)).entries()) {
      if (index + 1 !== without) step(policies, childCaches);
    }
  },
};
