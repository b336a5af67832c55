import { GuestError, type Program, sys, writeFile } from '@kmemlab/kernel';

/** Where the hierarchy of the memory controller may be mounted. */
const HIERARCHIES = [
  ['v1', '/mnt/cgroup/memory'],
  ['v2', '/sys/fs/cgroup'],
] as const;

/** A call that may fail with any errno, or with one only; evaluates to whether it did not. */
export function* attempt(program: Program<unknown>, only?: number): Program<boolean> {
  try {
    yield* program;
    return true;
  } catch (error) {
    if (!(error instanceof GuestError) || error.errno !== (only ?? error.errno)) throw error;
    return false;
  }
}

/** Go to the root of the memory controller's hierarchy, wherever it is mounted; evaluates to its version. */
export function* enterHierarchy(): Program<'v1' | 'v2'> {
  for (const [version, path] of HIERARCHIES) if (yield* attempt(sys.chdir(path))) return version;
  throw new Error('the memory controller is on no hierarchy');
}

/**
 * Make a cgroup below the current directory. On v1 its kmem limit is written at once: 3.14 accounts kernel memory only from
 * then on.
 */
export function* makeCgroup(name: string): Program<void> {
  yield* sys.mkdir(name);
  yield* attempt(writeFile(`${name}/memory.kmem.limit_in_bytes`, '1G\n'));
}

/** A task, and an open cgroup.procs through which it comes back to where it was. */
export interface Visitor {
  readonly pid: number;
  readonly home: number;
}

/** Make a cgroup in the root of the hierarchy, which the task is to visit. */
export function* makeToVisit(name: string, pid: number): Program<Visitor> {
  yield* enterHierarchy();
  const home = yield* sys.open('cgroup.procs');
  yield* makeCgroup(name);
  return { pid, home };
}

/** The task goes into a cgroup, runs a program there, and comes back. No memcg pays for looking up the way back. */
export function* inCgroup(name: string, { pid, home }: Visitor, inside: Program<unknown>): Program<void> {
  const procs = yield* sys.open(`${name}/cgroup.procs`);
  yield* sys.write(procs, `${pid}\n`);
  yield* inside;
  yield* sys.write(home, `${pid}\n`);
  yield* sys.close(procs);
}
