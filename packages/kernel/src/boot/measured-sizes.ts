import type { KernelBuild } from '../build.js';
import type { CacheSpec } from '../mm/slab-common/types.js';

/** Object sizes of the small build that was measured, where they differ from those of a distribution; bytes. */
const MEASURED: Readonly<Record<string, number>> = {
  pid: 80,
  cred_jar: 120,
  signal_cache: 896,
  mm_struct: 880,
  vm_area_struct: 184,
  inode_cache: 528,
  proc_inode_cache: 584,
  shmem_inode_cache: 632,
};

/** Root caches of a build in boot order, with the sizes of the objects that it is configured for. */
export function bootCaches({ version, config }: KernelBuild): readonly CacheSpec[] {
  if (config.objects === 'distribution') return version.caches;
  return version.caches.map((spec) => ({ ...spec, objectSize: MEASURED[spec.name] ?? spec.objectSize }));
}
