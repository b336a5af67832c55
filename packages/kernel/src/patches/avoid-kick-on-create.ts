import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Patch } from '../build.js';
import type { Cpu } from '../cpu.js';
import { kickAllCpusSync } from '../smp/kick.js';

/** A new cache is unreachable until its slot is published, so only replacing an array set that existed needs the kick. */
export function* kickOnReplace(cpu: Cpu, previous: Handle): Coroutine<void> {
  if (previous !== 0) yield* call(kickAllCpusSync, cpu);
}

export const avoidKickOnCreate: Patch = {
  name: 'avoid-kick-on-create',
  summary: 'kick all CPUs only if the cache had per-CPU arrays before',
  mail: 'Greg Thelen, posted to linux-mm in 2017: "slab: avoid IPIs when creating kmem caches"; in 4.12',
  appliesTo: ['v4.10'],
  apply: (kernel) => {
    kernel.policies.slab.afterPublish = kickOnReplace;
    kernel.policies.slab.kicksPerPublish = (previous) => (previous === 0 ? 0 : 1);
  },
};
