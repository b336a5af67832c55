import { type Program, sys, writeFile } from '@kmemlab/kernel';
import { makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';

const HIERARCHY = '/mnt/cgroup/memory';
/** One task per memcg enters it, makes and removes a file, and goes back, so that the memcg gets a dentry cache. */
export function* childrenProgram({ pid, tick }: GuestControl, children: number): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let i = 0; i < children; i++) {
    yield* makeCgroup(String(i));
    yield* writeFile(`${i}/cgroup.procs`, `${pid}\n`);
    yield* oneFile(`/tmp/child${i}`);
    yield* writeFile('cgroup.procs', `${pid}\n`);
    tick(i + 1);
  }
}

function* oneFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

export function* settleProgram(): Program<void> {
  yield* sys.flushCreation();
}

/** K writes to /proc/slabinfo, alternating between two limits of the dentry cache. */
export function* writerProgram({ tick }: GuestControl, writes: number): Program<void> {
  const fd = yield* sys.open('/proc/slabinfo');
  for (let i = 0; i < writes; i++) {
    yield* sys.write(fd, `dentry ${i % 2 === 0 ? 120 : 122} 60 8\n`);
    tick(i + 1);
  }
  yield* sys.close(fd);
}

/**
 * A task of the root cgroup that keeps making and removing a file on tmpfs.
 * @param pause time between two files, ns
 */
export function* filesProgram({ pid, stopped }: GuestControl, pause: number): Program<void> {
  while (!stopped()) {
    yield* oneFile(`/tmp/file${pid}`);
    yield* sys.nanosleep(pause);
  }
}
