import { mutexRules } from './locking/rules.js';
import { objCgroupRules } from './memcg/obj-rules.js';
import { memcgRules } from './memcg/rules.js';
import { refRules } from './percpu-ref/rules.js';
import { rcuRules } from './rcu/rules.js';
import { slabRules } from './slab/rules.js';
import { smpRules } from './smp/rules.js';
import type { Invariant } from './types.js';
import { workqueueRules } from './workqueue/rules.js';

/** Every rule that the checker knows, in the order of the specification. */
export const invariants: readonly Invariant[] = [
  smpRules,
  rcuRules,
  workqueueRules,
  mutexRules,
  refRules,
  slabRules,
  memcgRules,
  objCgroupRules,
].flatMap((family): Invariant[] => Object.values(family));
