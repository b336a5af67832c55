import { type Coroutine, call, type Handle, homeOf, request, work } from '@kmemlab/machine';
import { findSubdirectory } from '../cgroup/handlers.js';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { rcuReadLock, rcuReadUnlock } from '../rcu/read.js';
import type { TaskRecord } from '../sched/task.js';
import { controlFilesOf } from './cgroup2fs.js';
import { findCpuEntry } from './cpu-online.js';
import { dAdd, dAlloc, dFree, dGet, dKill, dLookup, dRead } from './dcache.js';
import { procEntry } from './procfs.js';
import { isSlabEntryValid, lookupSlabEntry } from './sysfs-slab.js';
import { ENOENT, ENOTDIR, type Found } from './types.js';

/** Where a path leads: its last component's directory and name, and what is there (null: nothing cached or on disk). */
export interface Place {
  readonly parent: Found;
  readonly name: string;
  readonly found: Found | null;
}

/**
 * A stretch begins in which dentries are used without a reference. A shrinker may drop them meanwhile, but not free them: where
 * tasks can be preempted, by a read section; elsewhere because nothing in it sleeps.
 */
export function beginWalk(cpu: Cpu): void {
  if (cpu.build.config.preemption === 'preempt') rcuReadLock(cpu);
}

/** The stretch that {@link beginWalk} began is over: dentries met in it may be freed. */
export function endWalk(cpu: Cpu): void {
  if (cpu.build.config.preemption === 'preempt') rcuReadUnlock(cpu);
}

/** filename_lookup: walk a path and hold what is found. */
export function* walkAndHold(cpu: Cpu, task: TaskRecord, path: string): Coroutine<Place | number> {
  beginWalk(cpu);
  for (;;) {
    const place = yield* call(walk, cpu, task, path, false);
    if (typeof place === 'number' || place.found === null || (yield* call(dGet, place.found.dentry))) {
      endWalk(cpu);
      return place;
    }
  }
}

/** path_lookupat: as linkPathWalk, again if a shrinker dropped a directory on the way in the same moment. */
export function* walk(cpu: Cpu, task: TaskRecord, path: string, create: boolean): Coroutine<Place | number> {
  for (;;) {
    beginWalk(cpu);
    const place = yield* call(linkPathWalk, cpu, task, path, create);
    endWalk(cpu);
    if (typeof place === 'number' || place.found === place.parent || !place.found?.unhashed) return place;
  }
}

/**
 * link_path_walk: resolve a path for a task, component by component. Every component that is not cached is allocated and
 * charged to the running task. Evaluates to an errno if a directory on the way is missing.
 * @param create the caller will create the last component, and its dentry: it is not looked up twice
 */
function* linkPathWalk(cpu: Cpu, task: TaskRecord, path: string, create: boolean): Coroutine<Place | number> {
  let directory = yield* call(dRead, path.startsWith('/') ? cpu.published.scalar(Scalar.rootDentry) : task.cwd);
  const components = componentsOf(path);
  const name = components.pop() ?? '.';
  for (const component of components) {
    const found = yield* call(lookup, cpu, directory, component);
    if (found === null) return ENOENT;
    if (!found.directory) return ENOTDIR;
    directory = found;
  }
  if (name === '.') return { parent: directory, name, found: directory };
  const cachedOnly = create && (directory.fs === 'tmpfs' || cpu.build.policies.fs.cgroupFiles !== null);
  const found = cachedOnly ? yield* call(dLookup, directory.dentry, name) : yield* call(lookup, cpu, directory, name);
  return { parent: directory, name, found };
}

/** What is between the slashes, without `.`; walks are frequent, and `split` is slow. */
function componentsOf(path: string): string[] {
  const components: string[] = [];
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    const component = path.slice(start, end);
    if (component !== '' && component !== '.') components.push(component);
    start = end + 1;
  }
  return components;
}

/** lookup_fast, then lookup_slow: null if there is no such name, or if the directory itself has been removed. */
function* lookup(cpu: Cpu, parent: Found, name: string): Coroutine<Found | null> {
  yield* work(cpu.costs['path.component']);
  if (parent.negative) return null;
  const cached = yield* call(dLookup, parent.dentry, name);
  const usable = cached !== null && !cached.negative && !cached.unhashed;
  if (usable && (!isCacheEntry(cached) || (yield* call(isSlabEntryValid, cached)))) return cached;
  // kernfs never trusts a negative dentry: d_revalidate drops it, and the name is looked up afresh.
  if (cached !== null) yield* call(dKill, cpu, parent.dentry, name, cached.dentry);
  return yield* call(lookupSlow, cpu, parent, name);
}

/** Of a cache's directory in sysfs: that goes without its dentries being dropped, so d_revalidate has to look. */
const isCacheEntry = ({ fs, cgroup }: Found): boolean => fs === 'sysfs' && cgroup !== 0;

interface FsEntry {
  readonly directory: boolean;
  readonly cgroup: Handle;
  readonly memcg: Handle;
  readonly inodeCache: string;
}

/** What the filesystem itself knows under this name. tmpfs keeps all its names in the dentry cache. */
function* lookupInFs(cpu: Cpu, parent: Found, name: string): Coroutine<FsEntry | null> {
  if (parent.fs === 'proc') {
    const entry = procEntry(parent.name, name);
    return entry === null
      ? null
      : { directory: entry === 'directory', cgroup: 0, memcg: 0, inodeCache: cpu.build.policies.fs.procInodeCache };
  }
  const inodeCache = 'inode_cache';
  if (parent.fs === 'sysfs') {
    const slab = yield* call(lookupSlabEntry, parent, name);
    return slab === null ? null : { directory: slab.directory, cgroup: slab.cache, memcg: 0, inodeCache };
  }
  if (parent.fs === 'root') {
    const entry = findCpuEntry(cpu, parent, name);
    return entry === null ? null : { ...entry, cgroup: 0, memcg: 0, inodeCache };
  }
  if (parent.fs !== 'cgroup') return null;
  const { cgroup, memcg } = parent;
  if (controlFilesOf(cpu).has(name)) return { directory: false, cgroup, memcg, inodeCache };
  const pair = yield* request(homeOf(cgroup), findSubdirectory, { self: cgroup, name }, cgroup);
  return pair === null ? null : { directory: true, cgroup: pair.self, memcg: pair.memory, inodeCache };
}

/** lookup_slow: a new dentry; if the name exists also an inode, else the dentry is not kept and goes back through RCU. */
function* lookupSlow(cpu: Cpu, parent: Found, name: string): Coroutine<Found | null> {
  const entry = yield* call(lookupInFs, cpu, parent, name);
  const spec = entry ?? { directory: false, cgroup: 0, memcg: 0 };
  const { directory, cgroup, memcg } = spec;
  const added = yield* call(dAlloc, cpu, parent, name, { directory, cgroup, memcg }, entry?.inodeCache ?? null);
  if (added === null) return null;
  if (entry !== null) return yield* call(dAdd, cpu, parent.dentry, added);
  yield* call(dFree, cpu, added.dentry);
  return null;
}
