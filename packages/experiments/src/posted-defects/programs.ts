import { type Program, sys } from '@kmemlab/kernel';
import { attempt, enterHierarchy, inCgroup, makeToVisit, type Visitor } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';

const MS = 1e6;
const MEMCG = 'a';
const FILE = '/tmp/file';
/** The caches of two modules. */
export const USED = 'used_cache';
export const OTHER = 'other_cache';
const OBJECT_BYTES = 300;
/** Grace periods of an idle machine take some 16 ms each. The last step of a cache's end comes after five of them. */
const ALL_OVER = 200 * MS;
/** More than all that the program asks for. */
const MANY = 1000;
/** Longer than the 21 s after which a grace period is said to stall. */
const STALL_SECONDS = 25;
/**
 * From rmdir, by grace periods: 2 until the memcg goes offline, 3 until its caches' references are killed, 4 until the switch of
 * these is over.
 */
const WHILE_DEACTIVATING = 20 * MS;
const WHILE_SWITCHING = 44 * MS;

/** What is there before a defect can show: the modules that are loaded, and how the memcg came to its caches. */
interface Preparation {
  readonly modules?: readonly string[];
  /** Run in the memcg. */
  readonly use?: () => Program<void>;
}

/** One defect: what comes before it, and the program that shows it. */
export interface Defect {
  readonly before: Preparation;
  readonly show: (visitor: Visitor) => Program<void>;
}

/** Modules are loaded before the memcg is made and used. */
export function* prepareProgram({ pid }: GuestControl, { modules = [], use }: Preparation): Program<Visitor> {
  for (const cache of modules) yield* sys.initModule(cache, OBJECT_BYTES, 'a');
  const visitor = yield* makeToVisit(MEMCG, pid);
  if (use !== undefined) yield* inCgroup(MEMCG, visitor, use());
  return visitor;
}

/** A file comes and goes: the least that makes accounted allocations. */
function* oneFile(): Program<void> {
  yield* sys.close(yield* sys.create(FILE));
  yield* sys.unlink(FILE);
}

/** The memcg gets a cache of the module's objects, and one of them comes and goes. */
function* useModule(): Program<void> {
  yield* sys.useCache(USED);
  yield* sys.flushCreation();
  yield* sys.useCache(USED);
}

function* keepOne(): Program<void> {
  yield* useModule();
  yield* sys.keepObject(USED);
}

function* mapOnce(): Program<void> {
  yield* sys.munmap(yield* sys.mmap());
  yield* sys.flushCreation();
}

/** V5p-a: one lookup of a memcg cache, while somebody waits for a grace period. */
function* readLockTaken(visitor: Visitor): Program<void> {
  yield* inCgroup(MEMCG, visitor, oneFile());
  for (let second = 0; second < STALL_SECONDS; second++) yield* sys.nanosleep(1000 * MS);
}

/** V5p-b: no memory for the items that would have caches made, so there are none. */
function* itemDenied(visitor: Visitor): Program<void> {
  yield* sys.failslab(MANY);
  yield* inCgroup(MEMCG, visitor, oneFile());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-c: the last reference of an empty cache goes in softirq, while a module is unloaded. */
function* releaseInSoftirq(): Program<void> {
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(WHILE_SWITCHING);
  yield* sys.deleteModule(OTHER);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-d: an empty cache is shut down. */
function* shutDown(): Program<void> {
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-e: a module is unloaded while a cache of its objects is on its way out. */
function* rootDestroyed(): Program<void> {
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(WHILE_DEACTIVATING);
  yield* sys.deleteModule(USED);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-f: a second name of the root cache goes, then the memcg. */
function* aliasDestroyed(): Program<void> {
  yield* sys.deleteModule(OTHER);
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-g: an object lives on when its memcg goes, and is freed later. */
function* chargeOutlives(): Program<void> {
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
  yield* sys.reclaim();
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-h: somebody else charges objects to the memcg while it goes; see `chargingProgram`. */
function* chargedMeanwhile(visitor: Visitor): Program<void> {
  yield* inCgroup(MEMCG, visitor, mapOnce());
  yield* sys.nanosleep(MS);
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** Waits for one grace period, as anybody might. */
export function* gracePeriodProgram(): Program<void> {
  yield* sys.nanosleep(MS);
  yield* sys.rcu('synchronize', 0);
}

/** Areas that come and go, charged to the memcg as long as it is there. */
export function* chargingProgram({ stopped }: GuestControl): Program<void> {
  yield* enterHierarchy();
  for (let charged = false; !stopped(); ) {
    const areas: number[] = [];
    const isThere = yield* attempt(chargeArea(areas));
    if (charged && !isThere) return;
    charged = isThere;
    for (const area of areas) yield* sys.munmap(area);
    yield* sys.nanosleep(MS);
  }
}

function* chargeArea(areas: number[]): Program<void> {
  areas.push(yield* sys.mmapCharged(MEMCG));
}

/** By the letter of the defect. */
export const defects: Readonly<Record<string, Defect>> = {
  a: { before: {}, show: readLockTaken },
  b: { before: {}, show: itemDenied },
  c: { before: { modules: [USED, OTHER], use: useModule }, show: releaseInSoftirq },
  d: { before: { modules: [USED], use: useModule }, show: shutDown },
  e: { before: { modules: [USED], use: useModule }, show: rootDestroyed },
  f: { before: { modules: [USED, OTHER], use: useModule }, show: aliasDestroyed },
  g: { before: { modules: [USED], use: keepOne }, show: chargeOutlives },
  h: { before: {}, show: chargedMeanwhile },
};
