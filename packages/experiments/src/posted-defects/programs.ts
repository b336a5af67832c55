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

/** The program of one defect. */
export type DefectProgram = (control: GuestControl) => Program<void>;

/** Modules are loaded before the memcg is made. */
function* prepare({ pid }: GuestControl, ...modules: readonly string[]): Program<Visitor> {
  for (const cache of modules) yield* sys.initModule(cache, OBJECT_BYTES, 'a');
  return yield* makeToVisit(MEMCG, pid);
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

/** V5p-a: one lookup of a memcg cache, while somebody waits for a grace period. */
function* readLockTaken(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* inCgroup(MEMCG, visitor, oneFile());
  for (let second = 0; second < STALL_SECONDS; second++) yield* sys.nanosleep(1000 * MS);
}

/** V5p-b: no memory for the items that would have caches made, so there are none. */
function* itemDenied(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* sys.failslab(MANY);
  yield* inCgroup(MEMCG, visitor, oneFile());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-c: the last reference of an empty cache goes in softirq, while a module is unloaded. */
function* releaseInSoftirq(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control, USED, OTHER);
  yield* inCgroup(MEMCG, visitor, useModule());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(WHILE_SWITCHING);
  yield* sys.deleteModule(OTHER);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-d: an empty cache is shut down. */
function* shutDown(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control, USED);
  yield* inCgroup(MEMCG, visitor, useModule());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-e: a module is unloaded while a cache of its objects is on its way out. */
function* rootDestroyed(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control, USED);
  yield* inCgroup(MEMCG, visitor, useModule());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(WHILE_DEACTIVATING);
  yield* sys.deleteModule(USED);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-f: a second name of the root cache goes, then the memcg. */
function* aliasDestroyed(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control, USED, OTHER);
  yield* inCgroup(MEMCG, visitor, useModule());
  yield* sys.deleteModule(OTHER);
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V5p-g: an object lives on when its memcg goes, and is freed later. */
function* chargeOutlives(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control, USED);
  yield* inCgroup(MEMCG, visitor, keepOne());
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
  yield* sys.reclaim();
  yield* sys.nanosleep(ALL_OVER);
}

function* keepOne(): Program<void> {
  yield* useModule();
  yield* sys.keepObject(USED);
}

/** V5p-h: somebody else charges objects to the memcg while it goes; see `chargingProgram`. */
function* chargedMeanwhile(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* inCgroup(MEMCG, visitor, mapOnce());
  yield* sys.nanosleep(MS);
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

function* mapOnce(): Program<void> {
  yield* sys.munmap(yield* sys.mmap());
  yield* sys.flushCreation();
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
export const defectPrograms: Readonly<Record<string, DefectProgram>> = {
  a: readLockTaken,
  b: itemDenied,
  c: releaseInSoftirq,
  d: shutDown,
  e: rootDestroyed,
  f: aliasDestroyed,
  g: chargeOutlives,
  h: chargedMeanwhile,
};
