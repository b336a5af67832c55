import { ENOMEM, type Program, sys, writeFile } from '@kmemlab/kernel';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { pinned } from '../work-in.js';

const MS = 1e6;
const US = 1e3;
const SECOND = 1e9;
const CACHE = 'lab_sleeping';
/** Long enough to fall asleep for memory, as a part of that sleep; and at least so many ns. */
const FALLS_ASLEEP = 0.1;
const A_MOMENT = MS / 2;

export interface Scope {
  readonly sleeper: 'task' | 'creation';
  /** The memcg is removed meanwhile. */
  readonly remove: boolean;
  /** ns */
  readonly sleep: number;
  /** bytes */
  readonly size: number;
  /** CPU. */
  readonly user: number;
}

/** The cache, used once from the root cgroup on the task's CPU, so that later only children need pages. */
export function* loadProgram({ size, user }: Scope): Program<void> {
  yield* enterHierarchy();
  yield* sys.initModule(CACHE, size, 'ac');
  const program = () => sys.useCache(CACHE) as unknown as Program<void>;
  yield* sys.fork({ name: 'first', program, placement: pinned(user) });
  yield* sys.wait();
  yield* makeCgroup('here');
  yield* makeCgroup('there');
}

export function* sleepProgram({ pid: manager }: GuestControl, scope: Scope): Program<void> {
  const { sleeper, remove, sleep, user } = scope;
  const program = () => (sleeper === 'task' ? takesObject(manager) : asksForCache(manager));
  const pid = yield* sys.fork({ name: 'user', program, placement: pinned(user) });
  yield* writeFile('here/cgroup.procs', `${pid}\n`);
  yield* sys.kill(pid);
  yield* sys.pause();
  const procs = yield* sys.open('there/cgroup.procs');
  yield* sys.memoryShort(sleep / US);
  yield* sys.kill(pid);
  yield* sys.nanosleep(Math.max(A_MOMENT, FALLS_ASLEEP * sleep));
  yield* sys.memoryShort(0);
  if (sleeper === 'task') yield* sys.write(procs, `${pid}\n`);
  else yield* sys.wait();
  if (remove) yield* sys.rmdir('here');
  yield* sys.nanosleep(2 * sleep);
  if (sleeper === 'task') yield* sys.wait();
  yield* sys.close(procs);
  yield* sys.nanosleep(SECOND);
}

/**
 * In its memcg, which has a cache without any slab, takes an object when memory is short, or goes without if there is nobody to
 * charge. Tells the manager when all is ready.
 */
function* takesObject(manager: number): Program<void> {
  yield* sys.pause();
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  yield* sys.kill(manager);
  yield* sys.pause();
  yield* attempt(sys.keepObject(CACHE), ENOMEM);
}

/** Uses the root cache when memory is short, which has the memcg's own made. */
function* asksForCache(manager: number): Program<void> {
  yield* sys.pause();
  yield* sys.kill(manager);
  yield* sys.pause();
  yield* sys.useCache(CACHE);
}
