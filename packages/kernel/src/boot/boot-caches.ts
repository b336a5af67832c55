import type { KernelBuild } from '../build.js';
import { SlabFlag } from '../mm/slab/types.js';
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

/** KMALLOC_SHIFT_LOW: the smallest kmalloc cache has 8 bytes with SLUB, 32 with SLAB. */
const SMALL_KMALLOC: readonly CacheSpec[] = [8, 16].map((size) => ({
  name: `kmalloc-${size}`,
  objectSize: size,
  flags: 0,
}));

/** create_kmalloc_caches: SLAB aligns kmalloc caches to cache lines (ARCH_KMALLOC_FLAGS), SLUB does not and has smaller ones. */
function withSlubKmalloc(caches: readonly CacheSpec[]): readonly CacheSpec[] {
  const first = caches.findIndex(({ name }) => name.startsWith('kmalloc-'));
  const all = [...caches.slice(0, first), ...SMALL_KMALLOC, ...caches.slice(first)];
  return all.map((spec) =>
    spec.name.startsWith('kmalloc-') ? { ...spec, flags: spec.flags & ~SlabFlag.hwcacheAlign } : spec,
  );
}

/** Root caches of a build in boot order, with the sizes of the objects that it is configured for. */
export function bootCaches({ version, config }: KernelBuild): readonly CacheSpec[] {
  const caches = config.allocator === 'slub' ? withSlubKmalloc(version.caches) : version.caches;
  if (config.objects === 'distribution') return caches;
  return caches.map((spec) => ({ ...spec, objectSize: MEASURED[spec.name] ?? spec.objectSize }));
}
