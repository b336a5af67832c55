import type { Patch } from '../build.js';
import { countReferencesOf, destroyCounted } from '../mm/memcontrol/counted-destruction.js';
import { chargeExplicitly, type UnchargeOrder } from '../mm/memcontrol/explicit-charge.js';
import { synchronizeSched } from '../rcu/synchronize.js';
import { uncharge } from './explicit-slab-charging.js';
import { retentionOption } from './pin-until-release.js';

/** The review's second form. The tree of the series had explicit slab charges. */
export const destroyAfterGracePeriod: Patch = {
  name: 'destroy-after-grace-period',
  summary:
    'pages hold their cache; a dead cache keeps nothing, frees are not preempted, destruction waits for a grace period',
  mail: 'Vladimir Davydov, linux-mm, June 2014: a series of 8 patches by which dead caches destroy themselves',
  appliesTo: ['v3.14'],
  decides: 'when a cache of a removed memcg is destroyed',
  options: { retention: retentionOption('off'), uncharge },
  apply: ({ policies }, _api, { retention, uncharge: order }) => {
    const childCaches = countReferencesOf(policies);
    chargeExplicitly(policies, order as UnchargeOrder);
    // Frees run with preemption off, or interrupts: one grace period of sched-RCU, and all that had begun have ended.
    childCaches.destroyWork = destroyCounted({ retention: retention === 'on', waits: synchronizeSched });
    policies.slub.freesUnpreempted = true;
  },
};
