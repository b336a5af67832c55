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
import { stockNotDrained } from './stock-cases.js';
import type { BugCases } from './types.js';

export const casesV3: BugCases = {
  ...casesSince410('v4.10'),
  ...stockNotDrained,
  'V0-f': clean({ ...unloadWhileRemoving, config: 'slab' }, { ...unloadWhileRemoving, config: 'slub' }),
  'V0-g': found(unloadWhileCreating),
  'V0-a': clean(emptySlabs),
  'V4-d': clean(aliasUnloaded('slab'), aliasUnloaded('slub')),
  'sysfs-clash': clean(loadedAgain),
};
