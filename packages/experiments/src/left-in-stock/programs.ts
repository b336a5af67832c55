import { type Program, sys, writeFile } from '@kmemlab/kernel';
import type { Sample } from '@kmemlab/results';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { sample } from '../sample.js';
import { pinned, workIn } from '../work-in.js';

const MS = 1e6;
/** Long against the two grace periods after which a removed memcg is freed, or not. */
const AFTER_REMOVAL = 500 * MS;
/** Removed memcgs have gone offline after so long. */
const OFFLINE = 200 * MS;
/** The memcg at its limit. */
const FULL = 'full';
/** Bytes: the first charges that the task at the limit needs are denied already. */
const LIMIT = '4096\n';
/** Files of v1 and of v2. */
const LIMIT_FILES = ['memory.limit_in_bytes', 'memory.max'] as const;

export interface Scope {
  /** CPUs on which a memcg each is used. */
  readonly users: readonly number[];
  /** User pages that the task in each memcg touches and gives back. */
  readonly pages: number;
  /** CPU of a task in a memcg that is at its limit, if there is one. */
  readonly drainer: number | undefined;
}

/** Pages of a task's own. It exits with them. */
function* touch(pages: number): Program<void> {
  for (let n = 0; n < pages; n++) yield* sys.touch(yield* sys.mmap());
}

/** A task on a CPU touches pages in a memcg. */
const touchedIn = (memcg: string, cpu: number, pages: number): Program<void> =>
  workIn(memcg, `user${cpu}`, cpu, () => touch(pages));

/** The manager stays in the root cgroup, on a CPU on which no memcg is used. */
export function* useProgram({ tick }: GuestControl, { users, pages, drainer }: Scope): Program<Sample[]> {
  yield* enterHierarchy();
  if (drainer !== undefined) {
    yield* makeCgroup(FULL);
    for (const file of LIMIT_FILES) yield* attempt(writeFile(`${FULL}/${file}`, LIMIT));
  }
  for (const [n, cpu] of users.entries()) {
    yield* makeCgroup(String(n));
    yield* touchedIn(String(n), cpu, pages);
    tick(n + 1);
  }
  return [yield* sample('use', users.length)];
}

/**
 * Goes on touching pages beyond the limit: each charge reclaims in vain, and has what is in stock drained. Tells the manager
 * when it begins.
 */
function* drains(manager: number, stopped: () => boolean): Program<void> {
  yield* sys.pause();
  yield* sys.kill(manager);
  while (!stopped()) yield* attempt(touch(1));
}

/** Rmdir of all, while the task at the limit is at work. */
export function* removeProgram({ pid: manager, tick }: GuestControl, { users, drainer }: Scope): Program<Sample[]> {
  let over = false;
  if (drainer !== undefined) {
    const placement = pinned(drainer);
    const pid = yield* sys.fork({ name: 'drainer', program: () => drains(manager, () => over), placement });
    yield* writeFile(`${FULL}/cgroup.procs`, `${pid}\n`);
    yield* sys.kill(pid);
    yield* sys.pause();
  }
  for (const n of users.keys()) {
    yield* sys.rmdir(String(n));
    tick(n + 1);
  }
  yield* sys.nanosleep(OFFLINE);
  over = true;
  if (drainer !== undefined) yield* sys.wait();
  yield* sys.nanosleep(AFTER_REMOVAL);
  return [yield* sample('remove', users.length)];
}

/** One more memcg is used on each of the CPUs: what they had in stock of another one goes. */
export function* useAgainProgram(_control: GuestControl, { users }: Scope): Program<Sample[]> {
  yield* makeCgroup('later');
  for (const cpu of users) yield* touchedIn('later', cpu, 1);
  yield* sys.nanosleep(AFTER_REMOVAL);
  return [yield* sample('use again', users.length)];
}
