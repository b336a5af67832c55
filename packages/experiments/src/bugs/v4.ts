import {
  aliasUnloaded,
  casesSince410,
  clean,
  emptySlabs,
  found,
  loadedAgain,
  unloadWhileCreating,
  unloadWhileRemoving,
} from './since-4.10.js';
import { stockDrained, stockNotDrained } from './stock-cases.js';
import type { BugCases } from './types.js';

export const casesV412: BugCases = {
  ...casesSince410('v4.12'),
  ...stockNotDrained,
  'V0-f': [
    ...found({
      ...unloadWhileRemoving,
      config: 'slub',
      verdict: 'V4-a',
      condition: 'SLUB, which deactivates through RCU',
    }),
    ...clean({ ...unloadWhileRemoving, config: 'slab', condition: 'SLAB, which deactivates at once' }),
  ],
  'V0-g': found(unloadWhileCreating),
  'V0-a': clean(emptySlabs),
  'V4-d': clean(aliasUnloaded('slab'), aliasUnloaded('slub')),
  'sysfs-clash': found({ ...loadedAgain, windows: ['sysfs_slab_remove_workfn:started'] }),
};

export const casesV52: BugCases = {
  ...casesSince410('v5.2'),
  'V0-f': clean({ ...unloadWhileRemoving, config: 'slab' }, { ...unloadWhileRemoving, config: 'slub' }),
  'V0-g': clean(unloadWhileCreating),
  'V0-a': [
    ...found({
      ...aliasUnloaded('slub'),
      condition: 'another name of the root cache was destroyed before (V4-d)',
      finding: { class: 'dead-cache', pinnedBy: 'cpuSlab' },
    }),
    ...clean({ ...emptySlabs, condition: 'the root cache is not marked dying' }),
  ],
  'V3-d': stockDrained,
  'V4-d': found(aliasUnloaded('slab'), aliasUnloaded('slub')),
  'sysfs-clash': clean(loadedAgain),
};
