import { type Program, sys } from '@kmemlab/kernel';
import type { GuestControl } from '../lab/types.js';

/** Lengths of read sections, ns: much shorter than a tick, and longer than one, so that the reader can be preempted in it. */
const SHORT = 20_000;
const LONG = 6_000_000;
/** Callbacks of a storm; each task makes one. */
const STORM = 40;
/** Callbacks that one task queues at most, so that each has a number of its own. */
const MOST = 2 ** 24;

/** What a task does besides reading, in turn; the tasks begin at different places. */
const TURNS = ['synchronize', 'barrier', 'expedited', 'synchronize_sched', 'barrier_sched', 'expedited_sched'] as const;

/** One task: reads and queues callbacks in each round, and waits in one of the ways. */
export function* rcuTortureProgram({ pid, tick }: GuestControl, task: number, loops: number): Program<void> {
  let callbacks = pid * MOST;
  for (let i = 0; i < loops; i++) {
    yield* sys.rcu('read', (task + i) % 4 === 0 ? LONG : SHORT);
    yield* sys.rcu('call', ++callbacks);
    yield* sys.rcu('read_sched', SHORT);
    yield* sys.rcu('call_sched', ++callbacks);
    yield* sys.rcu(TURNS[(task + i) % TURNS.length] as string, 0);
    if (i === task % loops) for (let n = 0; n < STORM; n++) yield* sys.rcu('call', ++callbacks);
    tick(i + 1);
  }
  yield* sys.rcu('barrier', 0);
}
