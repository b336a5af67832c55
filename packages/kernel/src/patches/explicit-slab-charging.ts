import type { Patch, PatchOption } from '../build.js';
import { chargeExplicitly, type UnchargeOrder } from '../mm/memcontrol/explicit-charge.js';

/** The order in which a slab's pages are given up; an option of every patch on top of explicit charges. */
export const uncharge = {
  kind: 'choice',
  values: ['first', 'last'],
  default: 'first',
  summary: 'whether a slab is uncharged before its cache gives the pages up (as merged in 3.16), or after it',
} as const satisfies PatchOption;

export const explicitSlabCharging: Patch = {
  name: 'explicit-slab-charging',
  summary: 'slab pages are charged to the memcg of their cache, not to that of the running task',
  mail: 'Vladimir Davydov, linux-mm, April 2014: "sl[au]b: charge slabs to kmemcg explicitly"; in 3.15',
  appliesTo: ['v3.14'],
  options: { uncharge },
  apply: ({ policies }, _api, options) => chargeExplicitly(policies, options.uncharge as UnchargeOrder),
};
