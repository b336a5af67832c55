import { type ChildCaches, type Program, sys, writeFile } from '@kmemlab/kernel';
import type { Emptied, EmptiedSample } from '@kmemlab/results';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { shrinkChildren, tuneChildren } from '../slab-sysfs.js';
import { pinned, workIn } from '../work-in.js';

const MS = 1e6;
const SECOND = 1e9;
/** The module's cache, of which each memcg gets a child. */
const CACHE = 'lab_empty';
/** Caches that memcgs ask for just before they go. */
const ASKED = 'lab_asked_';
/** Lots of objects: those that are freed before rmdir, and those that are freed after it. */
const SPARE = 1;
const LIVE = 2;
/** Between two looks: an eighth of the time that has passed, within these limits, ns. */
const SHORTEST = MS;
const LONGEST = 100 * MS;
/** A task that keeps its CPU awake for cache_reap wakes up so often, ns. */
const NAP = 250 * MS;

/** ns */
const LONGEST_SLEEP = 10 * SECOND;
/** Longer than what is left of those tasks: only a machine at rest can be searched for leaks. */
const REST = 100 * MS;

export type Awake = 'all' | 'freer' | 'none';

export interface Scope {
  readonly memcgs: number;
  /** Objects allocated in each memcg, and how many of them are in use until after rmdir. */
  readonly objects: number;
  readonly live: number;
  /** bytes */
  readonly size: number;
  readonly rcuTyped: boolean;
  /** CPUs. */
  readonly allocators: readonly number[];
  readonly freer: number;
  readonly shrinker: number;
  /** Between rmdir and free, ns. */
  readonly freeAfter: number;
  /** Further caches that each memcg asks for just before rmdir. */
  readonly ask: number;
  /** −1 to leave it as it is. */
  readonly minPartial: number;
  readonly shrinks: number;
  /** ns */
  readonly shrinkEvery: number;
  /** ns */
  readonly observe: number;
  /** After the free, ns; 0 for never. */
  readonly pressure: number;
  readonly awake: Awake;
  readonly nodes: number;
  readonly cpuCount: number;
}

/** The root caches. A constructor, or the type, keeps it from being merged. */
export function* moduleProgram({ size, rcuTyped, ask }: Scope): Program<void> {
  for (let n = 0; n < ask; n++) yield* sys.initModule(`${ASKED}${n}`, size, 'ac');
  yield* sys.initModule(CACHE, size, rcuTyped ? 'ar' : 'ac');
}

/** Sleep so long, but never so long at a time that the machine seems to stand still. */
function* rest(ns: number): Program<void> {
  for (let left = ns; left > 0; left -= LONGEST_SLEEP) yield* sys.nanosleep(Math.min(left, LONGEST_SLEEP));
}

/** A memcg that stays, with an object of its own, so that it can be put under pressure. */
const PRESSURE = 'pressure';

const inMemcg = (memcg: string, cpu: number, work: () => Program<void>): Program<void> =>
  workIn(memcg, `worker${memcg}/${cpu}`, cpu, work);

function* makePressed(): Program<void> {
  yield* makeCgroup(PRESSURE);
  yield* inMemcg(PRESSURE, 0, function* useOne() {
    yield* sys.useCache(CACHE);
    yield* sys.flushCreation();
    yield* sys.keepObject(CACHE);
  });
}

/** Reclaim from a memcg that has nothing to be reclaimed: pressure. */
function* pressProgram({ pressure }: Scope): Program<void> {
  yield* rest(pressure);
  yield* attempt(writeFile(`${PRESSURE}/memory.force_empty`, '0\n'));
}

/** The manager stays in the root cgroup; in each memcg workers allocate, one on each CPU that does, and exit. */
export function* createProgram({ tick }: GuestControl, scope: Scope): Program<ChildCaches> {
  yield* enterHierarchy();
  if (scope.pressure > 0) yield* makePressed();
  const base = yield* sys.childCaches();
  for (let i = 0; i < scope.memcgs; i++) {
    yield* makeCgroup(String(i));
    for (const [part, cpu] of scope.allocators.entries()) {
      yield* inMemcg(String(i), cpu, () => allocate(scope, part));
    }
    tick(i + 1);
  }
  return base;
}

/** Has the memcg's cache made, takes a CPU's part of the objects, and frees those that are not to live. */
function* allocate({ objects, live, allocators }: Scope, part: number): Program<void> {
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  const stays = (n: number): boolean => Math.floor(((n + 1) * live) / objects) > Math.floor((n * live) / objects);
  for (let n = part; n < objects; n += allocators.length) yield* sys.keepObject(CACHE, stays(n) ? LIVE : SPARE);
  yield* sys.reclaim(SPARE);
}

/** Shrink every child that has a directory in sysfs. */
function* shrinkProgram({ shrinks, shrinkEvery }: Scope): Program<void> {
  for (let n = 0; n < shrinks; n++) {
    if (shrinkEvery > 0) yield* sys.nanosleep(shrinkEvery);
    yield* shrinkChildren(CACHE);
  }
}

/** Run a program beside another one; both have ended afterwards. */
function* beside(scope: Scope, main: Program<void>): Program<void> {
  if (scope.shrinks > 0) {
    yield* sys.fork({ name: 'shrink', program: () => shrinkProgram(scope), placement: pinned(scope.shrinker) });
  }
  yield* main;
  if (scope.shrinks > 0) yield* sys.wait();
}

/** Keeps its CPU in the kernel for so many ns at a time. */
export function* busyProgram({ stopped }: GuestControl, ns: number): Program<void> {
  while (!stopped()) {
    yield* sys.busy(ns);
    yield* sys.nanosleep(SHORTEST);
  }
}

export function* removeProgram({ tick }: GuestControl, scope: Scope): Program<void> {
  yield* beside(scope, removal(scope, tick));
}

/**
 * Tasks on all CPUs but CPU0 in turn use caches for the first time: each asks for one, whose creation takes its time. They are
 * moved out of the memcg at once, whatever their CPUs do meanwhile.
 */
function* askForCaches(memcg: string, { ask, cpuCount }: Scope): Program<void> {
  const pids: number[] = [];
  for (let n = 0; n < ask; n++) {
    const placement = pinned(cpuCount === 1 ? 0 : 1 + (n % (cpuCount - 1)));
    pids.push(yield* sys.fork({ name: `ask${n}`, program: () => askForOne(n), placement }));
  }
  for (const pid of pids) yield* writeFile(`${memcg}/cgroup.procs`, `${pid}\n`);
  for (const pid of pids) yield* sys.kill(pid);
  yield* sys.nanosleep(SHORTEST);
  for (const pid of pids) yield* writeFile('cgroup.procs', `${pid}\n`);
}

function* askForOne(n: number): Program<void> {
  yield* sys.pause();
  yield* sys.useCache(`${ASKED}${n}`);
}

function* removal(scope: Scope, tick: (done: number) => void): Program<void> {
  const { memcgs, minPartial, freeAfter, ask } = scope;
  if (minPartial >= 0) yield* tuneChildren(CACHE, 'min_partial', minPartial);
  for (let i = 0; i < memcgs; i++) {
    if (ask > 0) yield* askForCaches(String(i), scope);
    yield* sys.rmdir(String(i));
    tick(i + 1);
  }
  yield* rest(freeAfter);
  for (let n = 0; n < ask * memcgs; n++) yield* sys.wait();
}

/** What there was when the last object had been freed, and when that was. */
export interface Freed {
  readonly at: number;
  readonly before: ChildCaches;
  /** What there was before the first memcg was made. */
  readonly base: ChildCaches;
}

function* childCachesBeyond(base: ChildCaches): Program<ChildCaches> {
  const { caches, pages } = yield* sys.childCaches();
  return { caches: caches - base.caches, pages: pages - base.pages };
}

/** The live objects of all nodes are freed on one CPU. */
export function* freeProgram(scope: Scope, base: ChildCaches): Program<Freed> {
  const before = yield* childCachesBeyond(base);
  yield* beside(scope, freeing(scope));
  return { at: yield* sys.clock(), before, base };
}

function* freeing({ freer, nodes }: Scope): Program<void> {
  yield* sys.fork({ name: 'free', program: () => reclaimAll(nodes), placement: pinned(freer) });
  yield* sys.wait();
}

function* reclaimAll(nodes: number): Program<void> {
  for (let node = 0; node < nodes; node++) yield* sys.reclaim(LIVE, node);
}

function* napProgram(until: number): Program<void> {
  while ((yield* sys.clock()) < until) yield* sys.nanosleep(NAP);
}

const awakeCpus = ({ awake, freer, cpuCount }: Scope): number[] => {
  if (awake === 'none') return [];
  return awake === 'freer' ? [freer] : Array.from({ length: cpuCount }, (_, cpu) => cpu);
};

/** Look round until the time is over. */
export function* observeProgram(scope: Scope, { at, before, base }: Freed): Program<Emptied> {
  const end = at + scope.observe;
  const awake = awakeCpus(scope);
  for (const cpu of awake) {
    yield* sys.fork({ name: `awake${cpu}`, program: () => napProgram(end), placement: pinned(cpu) });
  }
  const { pressure } = scope;
  if (pressure > 0) yield* sys.fork({ name: 'pressure', program: () => pressProgram(scope), placement: pinned(0) });
  const samples: EmptiedSample[] = [yield* look(at, base)];
  for (let now = at; now < end; now = yield* sys.clock()) {
    const step = Math.min(LONGEST, Math.max(SHORTEST, (now - at) / 8), end - now);
    yield* rest(scope.awake === 'none' ? end - now : step);
    samples.push(yield* look(at, base));
  }
  for (const _ of awake) yield* sys.wait();
  if (pressure > 0) yield* sys.wait();
  if (scope.observe > 0) yield* sys.nanosleep(REST);
  return emptiedOf(before, samples);
}

function* look(since: number, base: ChildCaches): Program<EmptiedSample> {
  const { caches, pages } = yield* childCachesBeyond(base);
  return { ns: (yield* sys.clock()) - since, caches, pages };
}

/** Samples in which nothing has changed since the one before are left out, but the last. */
function emptiedOf(before: ChildCaches, all: readonly EmptiedSample[]): Emptied {
  const changed = ({ caches, pages }: EmptiedSample, at: number): boolean =>
    caches !== all[at - 1]?.caches || pages !== all[at - 1]?.pages;
  const samples = all.filter((sample, at) => at === all.length - 1 || changed(sample, at));
  const last = samples[samples.length - 1];
  const gone = samples.find(({ caches }) => caches === 0);
  let held = 0;
  for (const [at, { ns, pages }] of all.entries()) held += pages * ((all[at + 1]?.ns ?? ns) - ns);
  return {
    before: { ...before },
    after: { caches: last?.caches ?? 0, pages: last?.pages ?? 0 },
    ...(gone !== undefined && { goneAfterNs: gone.ns }),
    pageSeconds: held / SECOND,
    samples,
  };
}
