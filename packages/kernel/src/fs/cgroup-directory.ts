import { type Coroutine, call, homeOf, request } from '@kmemlab/machine';
import { findSubdirectory } from '../cgroup/handlers.js';
import { keepFiles } from '../cgroup/structures.js';
import type { Cpu } from '../cpu.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { kmalloc } from '../mm/slab-common/kmalloc.js';
import { dAdd, dAlloc } from './dcache.js';
import type { Found } from './types.js';

/** Control files in a directory of the memory hierarchy, in the order in which 3.14 makes them. */
export const cgroupFiles314: readonly string[] = [
  'cgroup.procs',
  'notify_on_release',
  'tasks',
  'cgroup.clone_children',
  'cgroup.event_control',
  'memory.usage_in_bytes',
  'memory.max_usage_in_bytes',
  'memory.limit_in_bytes',
  'memory.soft_limit_in_bytes',
  'memory.failcnt',
  'memory.stat',
  'memory.force_empty',
  'memory.use_hierarchy',
  'memory.swappiness',
  'memory.move_charge_at_immigrate',
  'memory.oom_control',
  'memory.pressure_level',
  'memory.numa_stat',
  'memory.kmem.limit_in_bytes',
  'memory.kmem.usage_in_bytes',
  'memory.kmem.failcnt',
  'memory.kmem.max_usage_in_bytes',
  'memory.kmem.slabinfo',
  'memory.kmem.tcp.limit_in_bytes',
  'memory.kmem.tcp.usage_in_bytes',
  'memory.kmem.tcp.failcnt',
  'memory.kmem.tcp.max_usage_in_bytes',
];

/** DNAME_INLINE_LEN: a longer name, with its end, is kmalloc'ed. */
const INLINE_NAME = 32;
/** struct cfent, one for each control file in a directory. */
const CFENT_BYTES = 72;
const INODE_CACHE = 'inode_cache';

/**
 * cgroup_create_dir and cgroup_populate_dir (3.14): dentry and inode of the new directory and of every control file in it,
 * all at once, charged to whoever makes it; lookups find them in the dentry cache from now on. Where memory is denied, the
 * file is looked up later.
 */
export function* populateDirectory(cpu: Cpu, parent: Found, name: string, files: readonly string[]): Coroutine<void> {
  const pair = yield* request(homeOf(parent.cgroup), findSubdirectory, { self: parent.cgroup, name }, parent.cgroup);
  if (pair === null) return;
  const ids = { cgroup: pair.self, memcg: pair.memory };
  const made = yield* call(dAlloc, cpu, parent, name, { directory: true, ...ids }, INODE_CACHE);
  if (made === null) return;
  const directory = yield* call(dAdd, cpu, parent.dentry, made);
  const kept: Allocation[] = [];
  for (const file of files) {
    if (file.length >= INLINE_NAME) kept.push(yield* call(kmalloc, cpu, file.length + 1));
    kept.push(yield* call(kmalloc, cpu, CFENT_BYTES));
    const added = yield* call(dAlloc, cpu, directory, file, { directory: false, ...ids }, INODE_CACHE);
    if (added !== null) yield* call(dAdd, cpu, directory.dentry, added);
  }
  yield* request(homeOf(pair.self), keepFiles, { self: pair.self, files: kept }, pair.self);
}
