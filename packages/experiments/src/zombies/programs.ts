import { type Program, sys, writeFile } from '@kmemlab/kernel';
import type { Sample } from '@kmemlab/results';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { sample } from '../sample.js';

const SECOND = 1e9;
/** Samples of the generations, at most. */
const SAMPLES = 40;
/** cache_reap empties the arrays of busy CPUs within so many seconds. */
const SETTLE_SECONDS = 30;
/** A machine on which nothing happens for 21 s has stalled. */
const IDLE_SECONDS = 15;
const DROP_SECONDS = 5;
/** Dentries and inodes. */
const DROP_SLAB = '2\n';
const PARENT = 'parent';
const FIRST_FILE = '/tmp/first';

export interface Scope {
  readonly generations: number;
  /** Files made in each memcg, and how many of them stay. */
  readonly files: number;
  readonly shared: number;
  /** Of data in each file that stays. */
  readonly bytes: number;
  /** Descriptors of pipes that are open: of each generation one, if there are any. */
  readonly pipes: number[] | undefined;
  /** All are made below one that stays, with use_hierarchy. */
  readonly nested: boolean;
  /** Between two generations, ns. */
  readonly pause: number;
  /** From the removal of the last one until the files go, ns. */
  readonly hold: number;
  /** Nobody wakes the machine while time passes. */
  readonly idle: boolean;
  /** None is removed before the last is made. */
  readonly together: boolean;
}

const fileName = (generation: number, file: number): string => `/tmp/${generation}-${file}`;

function* makeFile(path: string, bytes = 0): Program<void> {
  const file = yield* sys.create(path);
  if (bytes > 0) yield* sys.write(file, 'x'.repeat(bytes));
  yield* sys.close(file);
}

/** A memcg that contains the counters of all that are made below it. */
function* enterParent(): Program<void> {
  yield* makeCgroup(PARENT);
  yield* attempt(writeFile(`${PARENT}/memory.use_hierarchy`, '1\n'));
  yield* sys.chdir(PARENT);
}

/**
 * One task goes into each memcg, makes its files, and comes back. A first file, which goes at once, has the
 * memcg's caches made, so that the others are all charged. The file through which it comes back stays open, so that
 * no memcg pays for looking it up.
 */
function* fill(generation: number, pid: number, home: number, { files, shared, bytes, pipes }: Scope): Program<void> {
  const name = String(generation);
  yield* makeCgroup(name);
  yield* writeFile(`${name}/cgroup.procs`, `${pid}\n`);
  yield* makeFile(FIRST_FILE);
  yield* sys.unlink(FIRST_FILE);
  yield* sys.flushCreation();
  for (let file = 0; file < files; file++) yield* makeFile(fileName(generation, file), file < shared ? bytes : 0);
  for (let file = shared; file < files; file++) yield* sys.unlink(fileName(generation, file));
  if (pipes !== undefined) pipes.push(yield* filledPipe());
  yield* sys.write(home, `${pid}\n`);
}

/** Time passes; the task looks round once a second, or sleeps through it: then nothing at all happens on the machine. */
function* passTime(ns: number, idle: boolean): Program<void> {
  if (idle) yield* sys.nanosleep(ns);
  for (let left = ns; !idle && left > 0; left -= SECOND) {
    yield* sys.nanosleep(Math.min(left, SECOND));
    yield* sys.census();
  }
}

/** Memcgs are made, filled and removed; the last samples are from when the last has been removed, and when they were held. */
export function* generationsProgram({ pid, tick }: GuestControl, scope: Scope): Program<Sample[]> {
  const { generations, pause, hold, idle, nested, together } = scope;
  yield* enterHierarchy();
  const home = yield* sys.open('cgroup.procs');
  if (nested) yield* enterParent();
  const every = Math.ceil(generations / SAMPLES);
  /** A part of the time that the window holds on. */
  const lastPause = Math.min(pause, hold);
  const samples = [yield* sample('generations', 0)];
  const remove = function* removeMemcg(generation: number): Program<void> {
    yield* sys.rmdir(String(generation));
    if (pause > 0) yield* sys.nanosleep(generation < generations ? pause : lastPause);
    if (generation % every === 0 || (together && generation === generations))
      samples.push(yield* sample('generations', generation));
  };
  for (let generation = 1; generation <= generations; generation++) {
    yield* fill(generation, pid, home, scope);
    if (!together) yield* remove(generation);
    tick(generation);
  }
  for (let generation = 1; together && generation <= generations; generation++) yield* remove(generation);
  yield* passTime(hold - lastPause, idle);
  samples.push(yield* sample('generations', generations));
  yield* sys.close(home);
  return samples;
}

/** A pipe with something in it; evaluates to its reading end, and the next descriptor is the writing end. */
function* filledPipe(): Program<number> {
  const reader = yield* sys.pipe();
  yield* sys.write(reader + 1, 'x');
  return reader;
}

/** The files go, and the pipes. */
export function* unlinkProgram({ tick }: GuestControl, { generations, shared, pipes = [] }: Scope): Program<Sample[]> {
  for (let generation = 1; generation <= generations; generation++) {
    for (let file = 0; file < shared; file++) yield* sys.unlink(fileName(generation, file));
    tick(generation);
  }
  for (const reader of pipes.splice(0)) for (const end of [reader, reader + 1]) yield* sys.close(end);
  yield* sys.nanosleep(SECOND);
  return [yield* sample('unlink', generations)];
}

/** Long enough for cache_reap to have emptied the arrays, or for nothing to happen. */
export function* settleProgram({ generations, idle }: Scope): Program<Sample[]> {
  yield* passTime((idle ? IDLE_SECONDS : SETTLE_SECONDS) * SECOND, idle);
  return [yield* sample('settle', generations)];
}

/** Reclaim of everything that can be reclaimed, if this kernel has the file for it. */
export function* dropProgram(generations: number): Program<Sample[]> {
  yield* attempt(writeFile('/proc/sys/vm/drop_caches', DROP_SLAB));
  yield* passTime(DROP_SECONDS * SECOND, false);
  return [yield* sample('drop', generations)];
}
