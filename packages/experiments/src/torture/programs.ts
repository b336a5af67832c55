import { EIO, type Program, setCpuOnline, sys, writeFile } from '@kmemlab/kernel';
import { attempt, enterHierarchy } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';

const MS = 1e6;
const SECOND = 1e9;
/** Writes to /proc/slabinfo between two rounds of cache_reap. */
const TUNES = 6;
const FILES = 4;
/** Files that a memcg's limits are written to. */
const LIMITS = { v1: ['memory.limit_in_bytes', 'memory.kmem.limit_in_bytes'], v2: ['memory.max'] } as const;
/** cache_reap comes to each CPU in turn, within so many ns. */
const REAP_INTERVAL = 2 * SECOND;
const BETWEEN_TUNES = Math.round(REAP_INTERVAL / TUNES);

/** What the task on one CPU does. */
export interface Part {
  readonly cpu: number;
  /** Memcgs to make. */
  readonly loops: number;
  /** Also writes /proc/slabinfo, or with SLUB shrinks a cache. */
  readonly tunes: boolean;
  /** Also loads, uses and unloads a module with an RCU-typed cache, and drops the dentry cache while memcgs are made. */
  readonly loadsModule: boolean;
  /** CPUs to take down and bring up again, one after the other. */
  readonly goesDown: readonly number[];
}

/** Everything that 4.10 does with caches, in a short time: create, tune, use, remove, shrink, reap. */
export function* tortureProgram({ pid, tick }: GuestControl, part: Part): Program<void> {
  const { cpu, loops, tunes, loadsModule, goesDown } = part;
  const limits = LIMITS[yield* enterHierarchy()];
  for (let i = 0; i < loops; i++) {
    yield* oneMemcg(pid, `${cpu}-${i}`, limits, i % 2 === 0);
    if (loadsModule) yield* writeFile('/proc/sys/vm/drop_caches', '2\n');
    if (tunes && i === 1) yield* forked();
    tick(i + 1);
  }
  yield* writeFile('cgroup.procs', `${pid}\n`);
  yield* sys.flushCreation();
  if (tunes) for (let i = 0; i < 2; i++) yield* tuneOrShrink(i);
  for (let i = 0; i < FILES; i++) {
    yield* oneFile(`/tmp/f${pid}`);
    yield* sys.nanosleep(0.2 * MS);
  }
  const outlives = yield* sys.open(`${cpu}-0/${limits[0]}`);
  for (const other of goesDown) yield* downAndUp(other);
  for (let i = 0; i < loops; i++) yield* sys.rmdir(`${cpu}-${i}`);
  if (loadsModule) yield* module();
  if (tunes) yield* tuneWhileReaping();
  else yield* sys.nanosleep(REAP_INTERVAL);
  for (let i = 1; i < loops; i += 2) yield* sys.unlink(`/tmp/${cpu}-${i}`);
  yield* attempt(sys.read(outlives));
  yield* sys.close(outlives);
  // The phase ends with nothing but sleeping tasks: only a machine at rest can be searched for leaks.
  yield* sys.nanosleep(2 * REAP_INTERVAL);
}

/** A module whose cache is RCU-typed. If the cache cannot be made, that is for the checker to say. */
function* module(): Program<void> {
  if (!(yield* attempt(sys.initModule('module_cache', 300, 'r')))) return;
  yield* sys.useCache('module_cache');
  yield* sys.deleteModule('module_cache');
}

/** A child that uses memory and exits. */
function* forked(): Program<void> {
  yield* sys.fork({ name: 'child', program: () => useMemory('/tmp/child') });
  yield* sys.wait();
}

/** A CPU goes away for a while, if the kernel version lets it. */
function* downAndUp(cpu: number): Program<void> {
  if (!(yield* setCpuOnline(cpu, false))) return;
  yield* sys.nanosleep(MS);
  yield* setCpuOnline(cpu, true);
}

/** A memcg that the task enters and uses. It leaves it at once with nothing left in it, or leaves a file there. */
function* oneMemcg(pid: number, name: string, limits: readonly string[], empty: boolean): Program<void> {
  yield* sys.mkdir(name);
  for (const limit of limits) yield* writeFile(`${name}/${limit}`, '1G\n');
  yield* writeFile(`${name}/cgroup.procs`, `${pid}\n`);
  yield* useMemory(`/tmp/${name}a`);
  yield* sys.flushCreation();
  yield* useMemory(`/tmp/${name}b`);
  if (empty) yield* writeFile('cgroup.procs', `${pid}\n`);
  else yield* sys.close(yield* sys.create(`/tmp/${name}`));
}

/** Some objects of several caches: those of a mapped area and of a short-lived file, and one of an RCU-typed cache. */
function* useMemory(path: string): Program<void> {
  yield* sys.useCache('sighand_cache');
  const area = yield* sys.mmap();
  yield* sys.touch(area);
  yield* oneFile(path);
  yield* sys.munmap(area);
}

function* oneFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

/** slab_mutex is held while cache_reap tries to get it, on some CPU. */
function* tuneWhileReaping(): Program<void> {
  for (let i = 0; i < TUNES; i++) {
    yield* tuneOrShrink(i);
    yield* sys.nanosleep(BETWEEN_TUNES);
  }
}

/** New tunables for the dentry cache; a kernel without tunables (SLUB) shrinks it instead, while objects come and go. */
function* tuneOrShrink(write: number): Program<void> {
  const fd = yield* sys.open('/proc/slabinfo');
  const hasTunables = yield* attempt(sys.write(fd, tunables(write)), EIO);
  if (!hasTunables) yield* writeFile('/sys/kernel/slab/dentry/shrink', '1\n');
  yield* sys.close(fd);
}

/** New tunables for the dentry cache and all its children. */
const tunables = (write: number): string => `dentry ${write % 2 === 0 ? 40 : 120} 20 8\n`;
