import type { Coroutine, Handle } from '@kmemlab/machine';
import type { KernelConfig } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import type { PolicyWord } from '../../policy-words.js';
import { memcgCacheId } from '../../published-state.js';
import { synchronizeSched } from '../../rcu/synchronize.js';
import { SlabFlag } from '../slab/types.js';
import type { CacheDescription } from '../slab-common/types.js';
import { queueSysfsRemoval } from './sysfs.js';

/** Where a cache shows in /sys/kernel/slab: its directory, and a name that leads there, '' for none. */
export interface SlabDirectory {
  readonly path: string;
  readonly link: string;
}

/** In what SLUB differs from version to version. */
export interface SlubPolicies {
  /** An emptied slab is discarded only if its node has more than min_partial others (3.14), or as many (later). */
  keepsOneMore: boolean;
  /** A free runs with preemption off from beginning to end (destroy-after-grace-period). */
  freesUnpreempted: boolean;
  /** A dying memcg's caches keep no empty slabs any more: wait until every CPU knows (synchronize_sched in 4.10). */
  afterZeroRetention: (cpu: Cpu) => Coroutine<void>;
  /** __kmem_cache_shrink says whether slabs are left (3.15 and later), or always that none is. */
  shrinkTellsSlabsLeft: boolean;
  /**
   * kmem_cache_close frees the per-CPU and node structures, and the directory goes after them, with slab_mutex dropped
   * (3.14); later versions free them in the release.
   */
  closeFreesStructures: boolean;
  /** Directory of a cache; null if it has none. */
  directoryOf: (cpu: Cpu, cache: CacheDescription) => SlabDirectory | null;
  /**
   * When the directory goes: while the cache is shut down, with slab_mutex dropped (3.14) or held; while it is released; or
   * by a work item that is queued at shutdown (4.12 and later).
   */
  directoryGoes: PolicyWord<'slub.directoryGoes'>;
  /** A dying memcg's cache was found empty by the shrink that ends its deactivation (4.12 and later). */
  whenDeactivatedEmpty: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** shutdown_cache unlinks the directory at once, whatever the work item does (sysfs_slab_unlink, 5.2). */
  unlinksAtShutdown: boolean;
}

/** Name of the root of a memcg cache, which is called root(…). */
const rootName = (name: string): string => name.slice(0, name.indexOf('('));

/** All caches side by side: what 3.14 does for roots, and for children that cannot be merged. */
const besideRoot = ({ name }: CacheDescription): SlabDirectory => ({ path: name, link: '' });

/** 4.10: children below their root; their names are unique for ever. */
export const directoryBelowRoot: SlubPolicies['directoryOf'] = (_cpu, cache) =>
  cache.root === 0 ? besideRoot(cache) : { path: `${rootName(cache.name)}/cgroup/${cache.name}`, link: '' };

/** 4.12 and later without slub_memcg_sysfs: children have none. */
export const directoryOfRootOnly: SlubPolicies['directoryOf'] = (_cpu, cache) =>
  cache.root === 0 ? besideRoot(cache) : null;

/** create_unique_id (3.14): what all caches that can be merged with this one share. */
const uniqueId = ({ flags, geometry }: CacheDescription): string =>
  `:${(flags & SlabFlag.reclaim) === 0 ? '' : 'a'}t-${String(geometry.size).padStart(7, '0')}`;

/** 3.14: a child that could be merged goes by an id with its memcg's kmemcg_id, and its name is a link. */
export const directoryById: SlubPolicies['directoryOf'] = (cpu, cache) => {
  const unmergeable = (cache.flags & (SlabFlag.ctor | SlabFlag.destroyByRcu)) !== 0;
  if (cache.root === 0 || unmergeable) return besideRoot(cache);
  const id = cpu.published.csses.isCurrent(cache.memcg) ? memcgCacheId(cpu.published, cache.memcg) : 0;
  return { path: `${uniqueId(cache)}-${String(id).padStart(8, '0')}`, link: cache.name };
};

/** reparent-2014, patch 12: the address of a child is part of its directory's name, since its id may be used again while it lives. */
export const directoryByAddress: SlubPolicies['directoryOf'] = (cpu, cache) => {
  const directory = directoryById(cpu, cache);
  if (cache.root === 0 || directory === null) return directory;
  return { ...directory, path: `${directory.path}-${cache.descriptor.toString(16)}` };
};

/** 4.10. */
export const slub410 = (): SlubPolicies => ({
  keepsOneMore: false,
  freesUnpreempted: false,
  afterZeroRetention: synchronizeSched,
  shrinkTellsSlabsLeft: true,
  closeFreesStructures: false,
  directoryOf: directoryBelowRoot,
  directoryGoes: 'release',
  unlinksAtShutdown: false,
  *whenDeactivatedEmpty() {},
});

/** 3.14: an emptied slab is kept beside min_partial others, a shrink tells nothing, structures go before the directory. */
export const slub314 = (): SlubPolicies => ({
  keepsOneMore: true,
  freesUnpreempted: false,
  *afterZeroRetention() {},
  shrinkTellsSlabsLeft: false,
  closeFreesStructures: true,
  directoryOf: directoryById,
  directoryGoes: 'shutdown',
  unlinksAtShutdown: false,
  *whenDeactivatedEmpty() {},
});

/** 4.12: memcg_sysfs_enabled, which slub_memcg_sysfs sets, decides whether children have directories. */
export const directoryIfEnabled = ({ slubMemcgSysfs = false }: KernelConfig): SlubPolicies['directoryOf'] =>
  slubMemcgSysfs ? directoryBelowRoot : directoryOfRootOnly;

/** 4.12: directories of roots only unless slub_memcg_sysfs is given; they go by a work item. */
export const slub412 = (config: KernelConfig): SlubPolicies => ({
  ...slub410(),
  directoryOf: directoryIfEnabled(config),
  directoryGoes: 'work',
  whenDeactivatedEmpty: queueSysfsRemoval,
});

/** 5.2 and later: the directory is unlinked while the cache is shut down. */
export const slub52 = (config: KernelConfig): SlubPolicies => ({ ...slub412(config), unlinksAtShutdown: true });
