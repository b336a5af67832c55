import { HotplugStep, Trace } from '@kmemlab/kernel';
import { makeHandle, makeObject } from '@kmemlab/machine';
import { expect, test } from 'vitest';
import { FakeView } from '../fixtures/fake-view.js';
import { Checker } from './checker.js';
import { invariants } from './rules.js';

/** One tracepoint: its name, the CPU, and its numbers. */
type Event = readonly [keyof typeof Trace, number, ...number[]];

function verdictOf(events: readonly Event[], view = new FakeView()): string | undefined {
  const checker = new Checker(view);
  for (const [name, cpu, a = 0, b = 0, c = 0, d = 0] of events) checker.emit(Trace[name], cpu, a, b, c, d);
  checker.conclude();
  return view.verdicts[0]?.id;
}

const WAITS = 1;
const SINGLE = 1;
const [CSD, OTHER_CSD] = [1001, 1002];
const call: Event = ['callBegin', 0, 1, 0, 0, WAITS];
const lock: Event = ['csdLock', 0, 1, CSD, 0, 7];
const queue: Event = ['csdQueue', 0, 1, 0, CSD, 1];
const send: Event = ['ipiSend', 0, 1, SINGLE, 1, 0];
const handle: Event = ['ipiHandle', 1, SINGLE];
const take: Event = ['callQueue', 1, 0];
const execute: Event = ['csdExecute', 1, 0, CSD, 1, 7];
const returned: Event = ['csdReturn', 1, 0, CSD];
const done: Event = ['callQueue', 1, 1];
const unlock: Event = ['csdUnlock', 1, 0, CSD];
const end: Event = ['callEnd', 0, 1, 1, WAITS];
const raised = [call, lock, queue, send, handle, take];

const [WORK, OTHER_WORK] = [makeHandle(0, 1, 1), makeHandle(0, 2, 1)];
const [SYSTEM_WQ, ORDERED] = [0, 1];
const [SLAB_MUTEX, CGROUP_MUTEX] = [0, 1];
const [READ, WRITE] = [0, 1];
const [CACHE, PAGE, SET, OLD_SET] = [11, makeHandle(0, 5, 1), 21, 20];
const OBJECT = makeObject(PAGE, 3);
const added: Event = ['slabAdd', 0, PAGE, CACHE, 10];

const [CSS, OBJ] = [0, makeHandle(0, 7, 1)];
const kill: Event = ['refKill', 0, CSS, OBJ];
const released: Event = ['refRelease', 0, CSS, OBJ, 0];
/** A grace period from its start to its end; something happens when it has begun. */
const gracePeriod = (...meanwhile: readonly Event[]): readonly Event[] => [
  ['rcuGracePeriod', 0, 0, 1, 0],
  ...meanwhile,
  ...[0, 1, 2].map((cpu): Event => ['rcuQuiescent', cpu, 0, 1]),
  ['rcuGracePeriod', 0, 0, 1, 1],
];
const wholeGracePeriod = gracePeriod();
const switched: readonly Event[] = [kill, ...wholeGracePeriod, ['refSwitch', 0, CSS, OBJ]];

const broken: readonly (readonly [string, string, readonly Event[]])[] = [
  ['SMP-1', 'a call that runs with interrupts on', [...raised, ['csdExecute', 1, 0, CSD, 0, 7]]],
  ['SMP-1', 'a call that runs on another CPU', [...raised, ['csdExecute', 2, 0, CSD, 1, 7]]],
  ['SMP-1', 'a call that runs twice', [...raised, execute, execute]],
  ['SMP-1', 'a call that the handler leaves out', [...raised, done]],
  ['SMP-1', 'a CPU that dies with a call in its queue', [call, lock, queue, send, ['hotplug', 1, HotplugStep.dead]]],
  ['SMP-1', 'a call to a CPU that is dead', [['hotplug', 1, HotplugStep.dead], call, lock, queue]],
  ['SMP-3', 'a call that returns while its function runs', [...raised, execute, end]],
  ['SMP-4', 'a function that gets other data', [...raised, ['csdExecute', 1, 0, CSD, 1, 8]]],
  [
    'SMP-6',
    'a single call into an empty queue without an interrupt',
    [call, lock, queue, ['csdLock', 0, 1, OTHER_CSD, 0, 0], ['csdQueue', 0, 1, 0, OTHER_CSD, 1]],
  ],
  ['SMP-6', 'an interrupt that no queue owes', [call, lock, queue, send, send]],
  [
    'SMP-6',
    'a mask call that raises too few',
    [call, ['csdLock', 0, 1, CSD, 1, 0], ['csdLock', 0, 2, OTHER_CSD, 1, 0], ['ipiSend', 0, 1, 0, 0, 1], end],
  ],
  ['SMP-7', 'an interrupt to oneself', [call, ['ipiSend', 0, 0, SINGLE, 1, 0]]],
  ['SMP-7', 'a mask call to one CPU', [call, ['csdLock', 0, 1, CSD, 1, 0], ['ipiSend', 0, 1, 0, 0, 1], end]],
  [
    'SMP-8',
    'a csd taken while its target has it',
    [call, ['csdLock', 0, 1, CSD, 1, 0], ['csdLock', 0, 1, OTHER_CSD, 1, 0]],
  ],
  ['SMP-9', 'a waiting call under a spinlock', [['callBegin', 0, 1, 0, 1, WAITS]]],
  ['SMP-10', 'a handler that nobody asked for', [handle]],
  ['WQ-1', 'an execution without queueing', [['workStart', 0, WORK, SYSTEM_WQ]]],
  ['WQ-1', 'a refusal without a pending execution', [['workQueue', 0, WORK, 0]]],
  [
    'WQ-3',
    'an ordered item that overtakes',
    [
      ['workQueue', 0, WORK, 1],
      ['workInsert', 0, WORK, ORDERED],
      ['workQueue', 0, OTHER_WORK, 1],
      ['workInsert', 0, OTHER_WORK, ORDERED],
      ['workStart', 0, OTHER_WORK, ORDERED],
    ],
  ],
  [
    'WQ-4',
    'a flush that overlooks a running item',
    [
      ['workQueue', 0, WORK, 1],
      ['workInsert', 0, WORK, SYSTEM_WQ],
      ['workStart', 0, WORK, SYSTEM_WQ],
      ['flushBegin', 1, SYSTEM_WQ, 1],
      ['flushEnd', 1, SYSTEM_WQ, 1],
    ],
  ],
  [
    'WQ-5',
    'an item freed while queued',
    [
      ['workQueue', 0, WORK, 1],
      ['workFree', 0, WORK],
    ],
  ],
  [
    'WQ-6',
    'a bound item on another CPU',
    [
      ['workQueue', 0, WORK, 1],
      ['workInsert', 1, WORK, SYSTEM_WQ],
      ['workStart', 1, WORK, SYSTEM_WQ],
    ],
  ],
  [
    'MTX-1',
    'two owners',
    [
      ['mutexLock', 0, SLAB_MUTEX, 5],
      ['mutexTrylock', 1, SLAB_MUTEX, 2, 6],
    ],
  ],
  [
    'MTX-2',
    'an unlock by another task',
    [
      ['mutexLock', 0, SLAB_MUTEX, 5],
      ['mutexUnlock', 0, SLAB_MUTEX, 6],
    ],
  ],
  [
    'MTX-4',
    'a mutex asked for twice by its owner',
    [
      ['mutexLock', 0, SLAB_MUTEX, 5],
      ['mutexAcquire', 0, SLAB_MUTEX, 0, 5],
    ],
  ],
  [
    'MTX-4',
    'two orders of nesting',
    [
      ['mutexLock', 0, SLAB_MUTEX, 5],
      ['mutexAcquire', 0, CGROUP_MUTEX, 0, 5],
      ['mutexUnlock', 0, SLAB_MUTEX, 5],
      ['mutexLock', 0, CGROUP_MUTEX, 6],
      ['mutexAcquire', 0, SLAB_MUTEX, 0, 6],
    ],
  ],
  [
    'MTX-4',
    'cpu_hotplug asked for under slab_mutex, which is taken for a CPU that comes or goes',
    [
      ['mutexLock', 0, SLAB_MUTEX, 5],
      ['hotplugLock', 0, 5, READ, 0],
    ],
  ],
  [
    'MTX-4',
    'a writer of cpu_hotplug against a reader',
    [
      ['hotplugLock', 0, 5, READ, 1],
      ['mutexAcquire', 0, CGROUP_MUTEX, 0, 5],
      ['hotplugLock', 0, 5, READ, 2],
      ['mutexLock', 0, CGROUP_MUTEX, 6],
      ['hotplugLock', 0, 6, WRITE, 0],
    ],
  ],
  ['MTX-3', 'a trylock in an interrupt', [['mutexTrylock', 0, SLAB_MUTEX, 0, 0, 2]]],
  [
    'MTX-5',
    'a trylock that sleeps',
    [
      ['mutexTrylock', 0, SLAB_MUTEX, 0, 5, 2],
      ['mutexTrylock', 0, SLAB_MUTEX, 1, 5, 3],
    ],
  ],
  ['REF-1', 'a release that nobody asked for', [['refRelease', 0, CSS, OBJ, 0]]],
  ['REF-1', 'a second release', [...switched, released, ['refRelease', 0, CSS, OBJ, 1], released]],
  ['REF-2', 'a reference taken after the release', [...switched, released, ['refTake', 0, CSS, OBJ, 0]]],
  ['REF-3', 'a switch before the grace period has ended', [kill, ['refSwitch', 0, CSS, OBJ]]],
  [
    'REF-3',
    'a switch after a grace period that had begun before the kill',
    [...gracePeriod(kill), ['refSwitch', 0, CSS, OBJ]],
  ],
  ['REF-3', 'a release during the switch', [kill, released]],
  [
    'REF-4',
    'a live reference after the confirm',
    [...switched, ['refConfirm', 0, CSS, OBJ], ['refTake', 1, CSS, OBJ, 1]],
  ],
  ['REF-5', 'counters freed during the switch', [kill, ['refExit', 0, CSS, OBJ]]],
  ['REF-5', 'counters freed before the release', [...switched, ['refExit', 0, CSS, OBJ]]],
  ['REF-6', 'a release that takes a mutex', [...switched, released, ['mutexAcquire', 0, SLAB_MUTEX, 0, 5]]],
  [
    'REF-6',
    'a release that takes a lock that is held with interrupts on elsewhere',
    [['spinLock', 1, 1, 0], ...switched, released, ['spinLock', 0, 1, 1]],
  ],
  ['SLAB-2', 'a slab freed with active objects', [added, ['slabRemove', 0, PAGE, CACHE, 1]]],
  [
    'SLAB-3',
    'a slab freed under a user',
    [added, ['objectAlloc', 0, OBJECT, CACHE], ['slabRemove', 0, PAGE, CACHE, 0]],
  ],
  [
    'SLAB-3',
    'a double free',
    [added, ['objectAlloc', 0, OBJECT, CACHE], ['objectFree', 0, OBJECT, CACHE], ['objectFree', 1, OBJECT, CACHE]],
  ],
  [
    'SLAB-5',
    'a page callback after the release',
    [
      added,
      ['slabRemove', 0, PAGE, CACHE, 0],
      ['rcuPageFree', 0, PAGE, CACHE],
      ['cacheRelease', 0, CACHE],
      ['rcuPageFree', 0, PAGE, CACHE],
    ],
  ],
  [
    'SLAB-6',
    'a release with page callbacks pending',
    [added, ['slabRemove', 0, PAGE, CACHE, 0], ['cacheRelease', 0, CACHE]],
  ],
  ['SLAB-6', 'a successful shutdown with slabs left', [added, ['cacheShutdown', 0, CACHE, 1]]],
  [
    'SLAB-7',
    'a tune without its kick',
    [
      ['tune', 0, CACHE, 0],
      ['arrayPublish', 0, CACHE, SET, OLD_SET],
      ['tune', 0, CACHE, 1],
    ],
  ],
];

test.each(broken)('%s: %s', (id, _what, events) => {
  expect(verdictOf(events)).toBe(id);
});

test('MTX-4: readers of cpu_hotplug let each other in', () => {
  const readers: readonly Event[] = [
    ['hotplugLock', 0, 5, READ, 1],
    ['mutexAcquire', 0, CGROUP_MUTEX, 0, 5],
    ['mutexLock', 0, SLAB_MUTEX, 5],
    ['hotplugLock', 0, 5, READ, 0],
    ['hotplugLock', 0, 5, READ, 1],
    ['hotplugLock', 0, 5, READ, 2],
    ['mutexUnlock', 0, SLAB_MUTEX, 5],
    ['hotplugLock', 0, 5, READ, 2],
    ['mutexLock', 0, CGROUP_MUTEX, 6],
    ['hotplugLock', 0, 6, READ, 0],
  ];
  expect(verdictOf(readers)).toBeUndefined();
});

test('a call that takes its ordinary course breaks no rule', () => {
  expect(verdictOf([...raised, execute, returned, unlock, done, end])).toBeUndefined();
});

test('SMP-5: a call of all CPUs that leaves one out', () => {
  expect(
    verdictOf([
      ['callAll', 0, 0],
      ['csdLock', 0, 1, CSD, 1, 7],
      ['callAll', 0, 1],
    ]),
  ).toBe('SMP-5');
});

test('SMP-5: a call of all CPUs that returns while a CPU is in an old interrupts-off region', () => {
  const view = new FakeView();
  view.regions[2] = 5;
  const locks: readonly Event[] = [
    ['csdLock', 0, 1, CSD, 1, 7],
    ['csdLock', 0, 2, OTHER_CSD, 1, 7],
  ];
  expect(verdictOf([['callAll', 0, 0], ...locks, ['callAll', 0, 1]], view)).toBe('SMP-5');
  expect(view.verdicts[0]?.detail).toContain('has had interrupts off');
  const [earlier, now] = view.verdicts[0]?.steps ?? [];
  expect([earlier?.cpu, now?.cpu]).toEqual([0, 0]);
  expect(verdictOf([['callAll', 0, 0], ...locks, ['callAll', 0, 1]])).toBeUndefined();
});

/** CPU1's item, which CPU0 executes, after what has happened. */
const runsElsewhere = (before: readonly Event[], between: readonly Event[] = []): readonly Event[] => [
  ...before,
  ['workQueue', 1, WORK, 1, 1],
  ['workInsert', 1, WORK, SYSTEM_WQ, 1],
  ...between,
  ['workStart', 0, WORK, SYSTEM_WQ],
];

const [down, up]: readonly [Event, Event] = [
  ['hotplug', 1, HotplugStep.inactive],
  ['hotplug', 1, HotplugStep.online],
];

test('WQ-6: an item of a CPU that is down, or has been since it was queued, may run anywhere', () => {
  expect(verdictOf(runsElsewhere([down]))).toBeUndefined();
  expect(verdictOf(runsElsewhere([], [down]))).toBeUndefined();
  expect(verdictOf(runsElsewhere([], [down, up]))).toBeUndefined();
  expect(verdictOf(runsElsewhere([down, up]))).toBe('WQ-6');
});

test('RCU-2: a callback runs on the CPU that queued it, or anywhere once that CPU has gone down', () => {
  const queued: Event = ['rcuQueue', 0, 0, 0, 5, 7];
  const invoked: Event = ['rcuInvoke', 1, 0, 7, 0];
  expect(verdictOf([queued, ...wholeGracePeriod, invoked])).toBe('RCU-2');
  expect(verdictOf([queued, ...wholeGracePeriod, ['rcuInvoke', 0, 0, 7, 0]])).toBeUndefined();
  expect(verdictOf([queued, ...wholeGracePeriod, ['rcuCpu', 0], invoked])).toBeUndefined();
});

test('SMP-1: a CPU that has run its calls may die, and be called when it is back', () => {
  const first = [...raised, execute, returned, unlock, done, end];
  const back: readonly Event[] = [['hotplug', 1, HotplugStep.dead], up];
  expect(verdictOf([...first, ...back, ['callBegin', 0, 2, 0, 0, 0], lock, queue, send])).toBeUndefined();
});

test('SLAB-4: an array emptied without a full call is a breach that the next audit reports', () => {
  const view = new FakeView(2);
  const checker = new Checker(view);
  const emit = ([name, cpu, a = 0, b = 0, c = 0, d = 0]: Event): void => checker.emit(Trace[name], cpu, a, b, c, d);
  emit(['arrayPublish', 0, CACHE, SET, OLD_SET]);
  emit(['arrayAccess', 0, CACHE, OLD_SET, 1, 4]);
  expect(view.verdicts).toEqual([]);
  checker.audit('interrupts');
  expect(view.verdicts).toMatchObject([{ id: 'SLAB-4' }]);
});

test('SLAB-4: after a waiting call that began later, the array may be emptied by another CPU', () => {
  const view = new FakeView(2);
  const checker = new Checker(view);
  const ordinary: readonly Event[] = [...raised, execute, returned, unlock, done, end];
  const events: readonly Event[] = [
    ['arrayPublish', 0, CACHE, SET, OLD_SET],
    ...ordinary,
    ['arrayAccess', 0, CACHE, OLD_SET, 1, 4],
  ];
  for (const [name, cpu, a = 0, b = 0, c = 0, d = 0] of events) checker.emit(Trace[name], cpu, a, b, c, d);
  checker.audit('stuck');
  expect(view.verdicts).toEqual([]);
});

test('only the first broken rule is reported', () => {
  const view = new FakeView();
  expect(verdictOf([handle, handle, ['workFree', 0, WORK]], view)).toBe('SMP-10');
  expect(view.verdicts).toHaveLength(1);
});

test('the rules are numbered as in the specification', () => {
  const family = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n + 1}`);
  const ids = [
    ...family('SMP', 10),
    ...family('RCU', 11),
    ...family('WQ', 6),
    ...family('MTX', 5),
    ...family('REF', 7),
    ...family('SLAB', 8),
    ...family('SLUB', 8),
    ...family('MEMCG', 4),
    ...family('OBJ', 5),
  ];
  expect(invariants.map(({ id }) => id)).toEqual(ids);
});
