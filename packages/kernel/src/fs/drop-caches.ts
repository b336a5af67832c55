import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { dropSlab } from '../mm/shrinker.js';
import { EINVAL } from './types.js';

/** Bits of /proc/sys/vm/drop_caches. */
const PAGECACHE = 1;
const SLAB = 2;
const MOST = 4;

/**
 * drop_caches_sysctl_handler (fs/drop_caches.c 4.10): 1 drops clean page cache, of which the model's filesystems have none (tmpfs
 * pages cannot be dropped), 2 unused slab objects, 3 both; 4 only silences the message.
 */
export function* writeDropCaches(cpu: Cpu, text: string): Coroutine<number> {
  const what = Number(text.trim());
  if (!Number.isInteger(what) || what < PAGECACHE || what > MOST) return EINVAL;
  if ((what & SLAB) !== 0) yield* call(dropSlab, cpu);
  return text.length;
}
