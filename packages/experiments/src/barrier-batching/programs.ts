import { type Program, sys, writeFile } from '@kmemlab/kernel';
import { enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { untilSteady } from '../steady.js';

/** Bytes of a synthetic object. */
const OBJECT_SIZE = 256;
/** A file that the first worker makes and all others find. */
const SHARED_FILE = '/tmp/shared';
const SOCKETS = 3;
/** Freed objects lie in arrays of SLAB until cache_reap has come several times: longer than it needs between two changes. */
const REAP_SECONDS = 12;

export type Workload = 'synthetic' | 'fork';
export type Trigger = 'rmdir' | 'reclaim';

/** Synthetic caches by what is done with them. */
export interface CacheNames {
  readonly typesafe: readonly string[];
  readonly others: readonly string[];
  /** Each worker leaves an object of this one to reclaim. */
  readonly kept: string | null;
}

export function cacheNames(workload: Workload, trigger: Trigger, typesafe: number, others: number): CacheNames {
  const named = (kind: string, count: number): string[] => Array.from({ length: count }, (_, n) => `lab_${kind}_${n}`);
  const synthetic = workload === 'synthetic';
  return {
    typesafe: named('typesafe', synthetic ? typesafe : 0),
    others: named('other', synthetic ? others : 0),
    kept: trigger === 'reclaim' ? 'lab_kept' : null,
  };
}

/** A module for each synthetic cache. A constructor keeps the others from being merged. */
export function* modulesProgram({ typesafe, others, kept }: CacheNames): Program<void> {
  for (const name of typesafe) yield* sys.initModule(name, OBJECT_SIZE, 'ar');
  for (const name of [...others, ...(kept === null ? [] : [kept])]) yield* sys.initModule(name, OBJECT_SIZE, 'ac');
}

interface Making {
  readonly memcgs: number;
  readonly workload: Workload;
  readonly names: CacheNames;
}

/**
 * The manager, which stays in the root cgroup: for each memcg it makes the directory, forks a worker and writes the
 * worker's pid; the worker works and exits.
 */
export function* makeProgram({ tick }: GuestControl, { memcgs, workload, names }: Making): Program<void> {
  yield* enterHierarchy();
  for (let i = 0; i < memcgs; i++) {
    yield* makeCgroup(String(i));
    const pid = yield* sys.fork({ name: `worker${i}`, program: () => worker(workload, names) });
    yield* writeFile(`${i}/cgroup.procs`, `${pid}\n`);
    yield* sys.kill(pid);
    yield* sys.wait();
    tick(i + 1);
  }
}

/** Waits until it has been moved into its memcg. */
function* worker(workload: Workload, { typesafe, others, kept }: CacheNames): Program<void> {
  yield* sys.pause();
  for (const name of [...typesafe, ...others]) yield* sys.useCache(name);
  if (workload === 'fork') {
    yield* sys.fork({ name: 'grandchild', program: grandchild });
    yield* sys.wait();
  }
  if (kept === null) return;
  // The first allocation asks for the memcg's cache; the object that is to keep the memcg comes from it.
  yield* sys.useCache(kept);
  yield* sys.flushCreation();
  yield* sys.keepObject(kept);
}

/** A file that stays, memory, sockets and a pipe; all but the file goes when the task exits. */
function* grandchild(): Program<void> {
  yield* sys.create(SHARED_FILE);
  const area = yield* sys.mmap();
  yield* sys.touch(area);
  for (let n = 0; n < SOCKETS; n++) yield* sys.socket();
  yield* sys.pipe();
}

export function* settleProgram(): Program<void> {
  yield* sys.flushCreation();
}

/** Between two cgroups of the bystander, ns. */
const BYSTANDER_PAUSE = 1e6;

/** Some other task that goes on making and removing cgroups, without anything in them, and takes the time of each call. */
export function* bystanderProgram({ stopped }: GuestControl): Program<void> {
  yield* enterHierarchy();
  for (let n = 0; !stopped(); n++) {
    yield* timed('bystander.mkdir', sys.mkdir(`beside${n}`));
    yield* timed('bystander.rmdir', sys.rmdir(`beside${n}`));
    yield* sys.nanosleep(BYSTANDER_PAUSE);
  }
}

function* timed(name: string, program: Program<unknown>): Program<void> {
  const start = yield* sys.clock();
  yield* program;
  yield* sys.record(name, (yield* sys.clock()) - start);
}

interface Removal {
  readonly memcgs: number;
  /** After each removal, ns. */
  readonly pause: number;
  readonly trigger: Trigger;
  /** Others make and remove cgroups meanwhile. */
  readonly bystander: boolean;
  /** A CPU of each node. */
  readonly reclaimers: readonly number[];
}

/** On each node: free its objects and stay, so that its CPU is awake for cache_reap. */
function* reclaimProgram(bystander: boolean): Program<void> {
  yield* sys.reclaim();
  yield* untilSteady(REAP_SECONDS, bystander);
}

/** The manager removes all memcgs and waits until nothing changes any more. */
export function* removeProgram({ tick }: GuestControl, removal: Removal): Program<void> {
  const { memcgs, pause, trigger, bystander, reclaimers } = removal;
  for (let i = 0; i < memcgs; i++) {
    yield* sys.rmdir(String(i));
    if (pause > 0) yield* sys.nanosleep(pause);
    tick(i + 1);
  }
  yield* untilSteady(1, bystander);
  if (trigger === 'rmdir') return;
  const program = () => reclaimProgram(bystander);
  for (const cpu of reclaimers) {
    yield* sys.fork({ name: `reclaim${cpu}`, program, placement: { kind: 'pinned', cpu } });
  }
  for (const _ of reclaimers) yield* sys.wait();
}
