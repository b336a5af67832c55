import { PAGE_SIZE, type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import type { Reparented, Sample } from '@kmemlab/results';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { sample } from '../sample.js';

const SECOND = 1e9;
const SAMPLES = 40;
/** All memcgs lie below this one, and each has the same name, so that names and ids come again. */
const TOP = 'top';
const NAME = 'memcg';
const FIRST_FILE = '/tmp/first';
/** Used for the first time when its memcg is about to go. */
const LATE = 'late';
const LATE_SIZE = 200;
/** More than two pages, bytes. */
const LARGE = 20_000;

export interface Scope {
  readonly memcgs: number;
  readonly files: number;
  /** Levels of directories that come and go with each memcg. */
  readonly depth: number;
  /** Seconds after the files have gone. */
  readonly settle: number;
  /** After each rmdir, ns. */
  readonly pause: number;
  readonly useHierarchy: boolean;
  /** The directory above all memcgs is kmem-active. */
  readonly activeParent: boolean;
  /** The first use of one more cache is the last thing that happens in a memcg. */
  readonly pending: boolean;
  /** A task that was forked in each memcg, and moved out, lives on. */
  readonly stacks: boolean;
}

/** A child of the memcg, which pays for its stack, moves out and waits. */
function* forkOutside(home: number): Program<void> {
  const child = yield* sys.fork({ name: 'outside', program: () => sys.pause() });
  yield* sys.write(home, `${child}\n`);
}

const fileName = (generation: number, file: number): string => `/tmp/${generation}-${file}`;

function* makeFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

/** The directory in which the memcgs come and go. */
export function* topProgram({ useHierarchy, activeParent, pending }: Scope): Program<void> {
  if (pending) yield* sys.initModule(LATE, LATE_SIZE, 'ac');
  yield* enterHierarchy();
  yield* sys.mkdir(TOP);
  if (useHierarchy) yield* writeFile(`${TOP}/memory.use_hierarchy`, '1\n');
  if (activeParent) yield* attempt(writeFile(`${TOP}/memory.kmem.limit_in_bytes`, '1G\n'));
}

const levels = (depth: number): string[] =>
  Array.from(
    { length: depth },
    (_, level) =>
      `${TOP}/${Array(level + 1)
        .fill(NAME)
        .join('/')}`,
  );

/** One task goes into each memcg, makes its files there, comes back, and removes the memcg and what lies above it. */
export function* generationsProgram({ pid, tick }: GuestControl, scope: Scope): Program<Sample[]> {
  const { memcgs, files, depth, pause, pending, stacks } = scope;
  const home = yield* sys.open('cgroup.procs');
  const every = Math.ceil(memcgs / SAMPLES);
  const path = levels(depth);
  const leaf = path[path.length - 1] ?? TOP;
  const samples = [yield* sample('generations', 0)];
  for (let generation = 1; generation <= memcgs; generation++) {
    for (const directory of path) yield* makeCgroup(directory);
    yield* writeFile(`${leaf}/cgroup.procs`, `${pid}\n`);
    yield* makeFile(FIRST_FILE);
    yield* sys.unlink(FIRST_FILE);
    yield* sys.flushCreation();
    for (let file = 0; file < files; file++) yield* makeFile(fileName(generation, file));
    if (stacks) yield* forkOutside(home);
    if (pending) yield* sys.useCache(LATE);
    yield* sys.write(home, `${pid}\n`);
    for (const directory of path.toReversed()) {
      yield* sys.rmdir(directory);
      if (pause > 0) yield* sys.nanosleep(pause);
    }
    if (generation % every === 0) samples.push(yield* sample('generations', generation));
    tick(generation);
  }
  yield* sys.nanosleep(SECOND);
  samples.push(yield* sample('generations', memcgs));
  yield* sys.close(home);
  return samples;
}

/** What a memcg is charged for kernel memory, without the slabs of all memcgs; bytes. */
function* pagesOf(directory: string): Program<number> {
  const usage = Number(yield* readFile(`${directory}/memory.kmem.usage_in_bytes`));
  return usage - PAGE_SIZE * (yield* sys.childCaches()).pages;
}

/** What the parent shows of the caches that it has by now. */
export function* slabinfoProgram(): Program<Reparented> {
  let lines: string[] = [];
  yield* attempt(
    (function* slabinfo(): Program<void> {
      lines = (yield* readFile(`${TOP}/memory.kmem.slabinfo`)).trim().split('\n').slice(2);
    })(),
  );
  return { slabinfo: lines.length };
}

/** New tunables for a cache of which removed memcgs have children; SLUB has none. */
export function* tuneProgram(): Program<void> {
  yield* attempt(writeFile('/proc/slabinfo', 'dentry 60 30 8\n'));
}

/** What a memcg is charged for the kernel stack of a child, and for a large kmalloc, bytes. */
export function* kernelPagesProgram({ pid }: GuestControl): Program<Reparented> {
  const directory = `${TOP}/pages`;
  yield* makeCgroup(directory);
  yield* writeFile(`${directory}/cgroup.procs`, `${pid}\n`);
  const before = yield* pagesOf(directory);
  const child = yield* sys.fork({ name: 'child', program: () => sys.pause() });
  const withStack = yield* pagesOf(directory);
  const hasLarge = yield* attempt(sys.keepLarge(LARGE));
  const withLarge = yield* pagesOf(directory);
  yield* sys.kill(child);
  yield* sys.wait();
  yield* sys.reclaim();
  yield* writeFile('cgroup.procs', `${pid}\n`);
  yield* sys.rmdir(directory);
  return { stackBytes: withStack - before, ...(hasLarge && { largeBytes: withLarge - withStack }) };
}

/** The files go, and time passes. */
export function* unlinkProgram({ tick }: GuestControl, { memcgs, files, settle }: Scope): Program<Sample[]> {
  for (let generation = 1; generation <= memcgs; generation++) {
    for (let file = 0; file < files; file++) yield* sys.unlink(fileName(generation, file));
    tick(generation);
  }
  for (let second = 0; second < settle; second++) {
    yield* sys.nanosleep(SECOND);
    yield* sys.census();
  }
  return [yield* sample('unlink', memcgs)];
}
