import { ENOMEM, type Program, setCpuOnline, sys, writeFile } from '@kmemlab/kernel';
import { attempt, inCgroup, makeToVisit, type Visitor } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { pinned } from '../work-in.js';

const MS = 1e6;
const MEMCG = 'a';
/** Longer than the grace periods after which a removed memcg is gone, ns. */
const ALL_OVER = 200 * MS;
/** More dentries and inodes than 100 KB have room for. */
const FILES = 200;
const OBJECTS = 64;
const CACHE = 'sighand_cache';
const PLAIN_CACHE = 'dentry';
/** From the moment at which a charge has found its payer until just before that is reparented. */
const UNTIL_OFFLINE = 13.1 * MS;

/** The program of one defect. */
export type DefectProgram = (control: GuestControl, lastCpu: number) => Program<void>;

const prepare = ({ pid }: GuestControl): Program<Visitor> => makeToVisit(MEMCG, pid);

function* removed(): Program<void> {
  yield* sys.rmdir(MEMCG);
  yield* sys.nanosleep(ALL_OVER);
}

/** V6-a: more objects than the limit allows. */
function* beyondLimit(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* writeFile(`${MEMCG}/memory.kmem.limit_in_bytes`, '100K\n');
  yield* inCgroup(MEMCG, visitor, manyFiles());
}

/** A kernel that keeps to the limit makes some of them, and fails the rest. */
function* manyFiles(): Program<void> {
  for (let file = 0; file < FILES; file++) yield* attempt(oneFile(`/tmp/${file}`), ENOMEM);
}

function* oneFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

/** V6-b: a task's charge comes when the task has been moved away and the memcg goes. */
function* chargedLate(control: GuestControl, lastCpu: number): Program<void> {
  const { home } = yield* prepare(control);
  const program = (pid: number): Program<void> => lateProgram(pid);
  const child = yield* sys.fork({ name: 'charger', program, placement: pinned(lastCpu) });
  yield* sys.nanosleep(MS);
  yield* sys.write(home, `${child}\n`);
  yield* removed();
  yield* sys.wait();
}

/** In a schedule in which it comes too late, the memcg has gone and there is nothing to charge. */
function* lateProgram(pid: number): Program<void> {
  yield* attempt(chargeInMemcg(pid));
}

function* chargeInMemcg(pid: number): Program<void> {
  yield* writeFile(`${MEMCG}/cgroup.procs`, `${pid}\n`);
  yield* sys.chargeLate(UNTIL_OFFLINE);
}

/** V6-c: objects of one slab go back in one call; later ones get their places, and nobody pays for those. */
function* bulkFree(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* inCgroup(MEMCG, visitor, keepSome());
  yield* sys.reclaimBulk();
  yield* keepSome();
  yield* sys.nanosleep(ALL_OVER);
}

function* keepSome(): Program<void> {
  for (let n = 0; n < OBJECTS; n++) yield* sys.keepObject(PLAIN_CACHE);
}

/** V6-d: objects outlive their memcg in a hierarchy without use_hierarchy. */
function* chargeOutlives(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* inCgroup(MEMCG, visitor, keepSome());
  yield* removed();
  yield* sys.reclaim();
  yield* sys.nanosleep(ALL_OVER);
}

/** V6-e: a CPU with bytes in stock goes down. */
function* cpuGoesDown(control: GuestControl, lastCpu: number): Program<void> {
  yield* prepare(control);
  const program = (pid: number): Program<void> => stockProgram(pid);
  yield* sys.fork({ name: 'worker', program, placement: pinned(lastCpu) });
  yield* sys.wait();
  yield* attempt(setCpuOnline(lastCpu, false));
  yield* sys.nanosleep(ALL_OVER);
}

function* stockProgram(pid: number): Program<void> {
  yield* writeFile(`${MEMCG}/cgroup.procs`, `${pid}\n`);
  yield* sys.useCache(CACHE);
}

/** V6-f: kmalloc'ed memory that somebody pays for, and whose blocks have vectors of the same size. */
function* accountedKmalloc(control: GuestControl): Program<void> {
  const visitor = yield* prepare(control);
  yield* inCgroup(MEMCG, visitor, onePipe());
  yield* sys.nanosleep(ALL_OVER);
}

function* onePipe(): Program<void> {
  const reader = yield* sys.pipe();
  yield* sys.close(reader);
  yield* sys.close(reader + 1);
}

/** By the letter of the defect. V6-g has none: it must not show. */
export const defectPrograms: Readonly<Record<string, DefectProgram>> = {
  a: beyondLimit,
  b: chargedLate,
  c: bulkFree,
  d: chargeOutlives,
  e: cpuGoesDown,
  f: accountedKmalloc,
};
