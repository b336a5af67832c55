import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { kickAllCpusSync } from '../../smp/kick.js';

/** A new cache is unreachable until its slot is published, so only replacing an array set that existed needs the kick (4.12). */
export function* kickOnReplace(cpu: Cpu, previous: Handle): Coroutine<void> {
  if (previous !== 0) yield* call(kickAllCpusSync, cpu);
}

/** What kickOnReplace states as `kicksPerPublish`. */
export const kicksOnReplace = (previous: Handle): number => (previous === 0 ? 0 : 1);
