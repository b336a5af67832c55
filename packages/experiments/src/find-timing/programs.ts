import { type Program, sys, writeFile } from '@kmemlab/kernel';
import type { FindRepeat } from '@kmemlab/results';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';

const TREE = 'tree';
const FINDER = 'finder';
const DROP_CACHES = '/proc/sys/vm/drop_caches';
/** Dentries and inodes. */
const DROP_SLAB = '2\n';
/** Files that every directory has: v1, v2. Nobody has looked them up before. */
const FILES = [
  ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.failcnt', 'memory.kmem.limit_in_bytes', 'cgroup.procs'],
  ['memory.max', 'memory.current', 'memory.stat', 'cgroup.procs'],
] as const;

/** Longer than the grace periods after which a removed memcg is gone, ns. */
const ALL_OVER = 200e6;

export interface Scope {
  readonly directories: number;
  /** The task that looks is in a memcg, which pays. */
  readonly accounted: boolean;
}

/** What a find sees: the files of each directory, by name; and the file by which the task goes back. */
export interface Tree {
  readonly files: readonly string[];
  readonly home: number;
}

/**
 * Directories of the memory controller, whose names and files are made up on lookup and may be dropped at any time, as a
 * disk's are. The task goes into a memcg of its own.
 */
export function* prepareProgram({ pid }: GuestControl, { directories, accounted }: Scope): Program<Tree> {
  yield* enterHierarchy();
  const home = yield* sys.open('cgroup.procs');
  const [v1, v2] = FILES;
  const files = (yield* attempt(sys.stat('memory.limit_in_bytes'))) ? v1 : v2;
  yield* makeCgroup(FINDER);
  yield* makeCgroup(TREE);
  for (let n = 0; n < directories; n++) yield* sys.mkdir(`${TREE}/${n}`);
  if (accounted) yield* writeFile(`${FINDER}/cgroup.procs`, `${pid}\n`);
  yield* dropSlab();
  return { files, home };
}

/** Entries that a find over so many directories sees. */
export const entriesOf = ({ files }: Tree, directories: number): number => directories * (1 + files.length);

/** What a program takes, ns. */
function* timeOf(program: Program<void>): Program<number> {
  const from = yield* sys.clock();
  yield* program;
  return (yield* sys.clock()) - from;
}

/** find: every entry is looked up once. No name matches, so nothing is printed. Evaluates to what it took, ns. */
export const findProgram = (tree: Tree, directories: number): Program<number> => timeOf(lookUpAll(tree, directories));

function* lookUpAll({ files }: Tree, directories: number): Program<void> {
  for (let n = 0; n < directories; n++) {
    yield* sys.stat(`${TREE}/${n}`);
    for (const file of files) yield* sys.stat(`${TREE}/${n}/${file}`);
  }
}

const dropSlab = (): Program<void> => writeFile(DROP_CACHES, DROP_SLAB);

/** What was looked up stays; the memcg that has paid for it goes. */
export function* outliveProgram({ pid }: GuestControl, tree: Tree, directories: number): Program<void> {
  yield* lookUpAll(tree, directories);
  yield* sys.write(tree.home, `${pid}\n`);
  yield* sys.rmdir(FINDER);
  yield* sys.nanosleep(ALL_OVER);
}

/** drop_caches, and then until the objects have gone back, which they do through RCU. Evaluates to what the first took, ns. */
export function* dropAndSettleProgram(): Program<number> {
  const dropNs = yield* timeOf(dropSlab());
  yield* sys.nanosleep(ALL_OVER);
  return dropNs;
}

/** find and drop_caches, over and over, as the mail did it. */
export function* loopProgram(
  { tick }: GuestControl,
  tree: Tree,
  directories: number,
  repeats: number,
): Program<FindRepeat[]> {
  const timed: FindRepeat[] = [];
  for (let n = 0; n < repeats; n++) {
    const findNs = yield* findProgram(tree, directories);
    timed.push({ findNs, dropNs: yield* timeOf(dropSlab()) });
    yield* sys.flushCreation();
    tick(n + 1);
  }
  return timed;
}
