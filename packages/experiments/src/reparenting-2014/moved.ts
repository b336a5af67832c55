import { type Program, sys, writeFile } from '@kmemlab/kernel';
import { enterHierarchy, makeCgroup } from '../hierarchy.js';

/*
 * A task is moved by another one while it allocates: between two memcgs, back and forth; or out of its memcg, which is removed while
 * the allocation waits for a page (cost `page.reclaim`).
 */

const CACHE = 'lab_moved';
/** One object to a slab, bytes. */
const SIZE = 20_000;
const MEMCGS = ['first', 'second'] as const;
/** Time for the worker to have its cache made, ns. */
const SECOND = 1e9;
const HOME = 'cgroup.procs';

export interface Moved {
  /** Objects that the task allocates, and moves. */
  readonly objects: number;
  /** Between two moves, ns. */
  readonly every: number;
  /** From the beginning of the allocation to the move out of its memcg, ns. */
  readonly after: number;
  readonly observe: number;
  readonly mover: number;
  readonly allocator: number;
}

const pinned = (cpu: number) => ({ kind: 'pinned', cpu }) as const;

/** Has the cache made, waits, and allocates. */
function* worker(objects: number): Program<void> {
  yield* sys.pause();
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  yield* sys.pause();
  for (let n = 0; n < objects; n++) yield* sys.keepObject(CACHE);
}

/** The task is in the first memcg, with a cache there, and about to allocate. */
export function* prepareMoved({ objects, allocator }: Moved): Program<number> {
  yield* sys.initModule(CACHE, SIZE, 'ac');
  yield* enterHierarchy();
  for (const name of MEMCGS) yield* makeCgroup(name);
  const pid = yield* sys.fork({ name: 'worker', program: () => worker(objects), placement: pinned(allocator) });
  yield* writeFile(`${MEMCGS[0]}/cgroup.procs`, `${pid}\n`);
  yield* sys.kill(pid);
  yield* sys.nanosleep(SECOND);
  return pid;
}

/** Back and forth, while the task allocates; the objects stay. */
export function* moveBackAndForth(pid: number, { objects, every, observe }: Moved): Program<void> {
  const files = [yield* sys.open(`${MEMCGS[1]}/cgroup.procs`), yield* sys.open(`${MEMCGS[0]}/cgroup.procs`)];
  yield* sys.kill(pid);
  for (let n = 0; n < objects; n++) {
    yield* sys.write(files[n % 2] as number, `${pid}\n`);
    if (every > 0) yield* sys.nanosleep(every);
  }
  for (const fd of files) yield* sys.close(fd);
  yield* sys.wait();
  yield* sys.nanosleep(observe);
}

/** Out, and the memcg goes. */
export function* moveOut(pid: number, { after, observe }: Moved): Program<void> {
  const home = yield* sys.open(HOME);
  yield* sys.kill(pid);
  yield* sys.nanosleep(after);
  yield* sys.write(home, `${pid}\n`);
  yield* sys.close(home);
  yield* sys.rmdir(MEMCGS[0]);
  yield* sys.wait();
  yield* sys.nanosleep(observe);
}
