import { BUG, defects } from '@kmemlab/kernel';
import { verdictClasses } from '@kmemlab/machine';
import { DYING_ROOT } from './leaks/dying-roots.js';
import { orphanDefects } from './leaks/orphaned-caches.js';
import { invariants } from './rules.js';
import { loopDefects } from './waiting/known-loops.js';

/** Every id that a verdict may have: that of a rule, of a defect, or its class where no rule or defect is known. */
export const verdictIds: ReadonlySet<string> = new Set([
  ...verdictClasses,
  ...invariants.map(({ id }) => id),
  ...defects,
  ...orphanDefects,
  DYING_ROOT,
  ...loopDefects,
  BUG,
]);
