import { BOOT_NODE, type Coroutine, call, post, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';

/** The sleeping locks of the model; all are static globals and live on the boot node. The index is the number in traces. */
export const mutexNames = [
  'slab_mutex',
  'cgroup_mutex',
  'memcg_limit_mutex',
  'memcg_cache_ids_sem',
  'rcu_barrier_mutex',
  'list_lrus_mutex',
  'percpu_charge_mutex',
  'rcu_bh_barrier_mutex',
  'rcu_preempt_barrier_mutex',
  'rcu_exp_mutex',
  'cpu_add_remove_lock',
  'activate_kmem_mutex',
  'memcg_create_mutex',
  'memcg_cache_mutex',
  'slab_caches_mutex',
  'dangling_caches_mutex',
] as const;

export type MutexName = (typeof mutexNames)[number];

interface Waiting {
  readonly waiter: number;
  readonly owner: number;
  readonly since: number;
}

/** State of one mutex at its home; the owner is a task number. */
export class Mutex {
  owner = 0;
  heldSince = 0;
  readonly waiting: Waiting[] = [];
}

const GRANTED = 1;
const QUEUED = 0;

const mutexLockHandler = defineHandler(
  'mutex.lock',
  (node, args: { name: MutexName; waiter: number }, context): number => {
    const mutex = node.mutex(args.name);
    if (mutex.owner !== 0) {
      mutex.waiting.push({ waiter: args.waiter, owner: context.taskId, since: context.now });
      return QUEUED;
    }
    node.durations.record(`${args.name}.wait`, 0);
    mutex.owner = context.taskId;
    mutex.heldSince = context.now;
    return GRANTED;
  },
);

const mutexTrylockHandler = defineHandler('mutex.trylock', (node, args: { name: MutexName }, context): boolean => {
  const mutex = node.mutex(args.name);
  if (mutex.owner !== 0) return false;
  mutex.owner = context.taskId;
  mutex.heldSince = context.now;
  return true;
});

const mutexUnlockHandler = defineHandler('mutex.unlock', (node, args: { name: MutexName }, context): void => {
  const mutex = node.mutex(args.name);
  node.durations.record(`${args.name}.hold`, context.now - mutex.heldSince);
  const next = mutex.waiting.shift();
  mutex.owner = next?.owner ?? 0;
  mutex.heldSince = context.now;
  if (next === undefined) return;
  node.durations.record(`${args.name}.wait`, context.now - next.since);
  context.complete(next.waiter, GRANTED);
});

/** @throws Error if no mutex has the name, as a patch of one's own may give it */
function numberOf(name: MutexName): number {
  const number = mutexNames.indexOf(name);
  if (number < 0) throw new Error(`there is no mutex ${name}; there are ${mutexNames.join(', ')}`);
  return number;
}

/**
 * mutex_lock: sleeps until the lock is granted, in FIFO order. Process context only (MTX-3). Wait and hold times are
 * recorded at the lock's home.
 */
export function* mutexLock(cpu: Cpu, name: MutexName): Coroutine<void> {
  cpu.trace(Trace.mutexAcquire, numberOf(name), Number(cpu.atomic), cpu.taskId, 0);
  yield* call(mutexLockCommon, cpu, name);
  cpu.trace(Trace.mutexLock, numberOf(name), cpu.taskId, 0, 0);
}

/** __mutex_lock_common: queue up and sleep until the lock is handed over. */
export function* mutexLockCommon(cpu: Cpu, name: MutexName): Coroutine<void> {
  const waiter = cpu.newWaiter();
  const answer = yield* request(BOOT_NODE, mutexLockHandler, { name, waiter }, lockObject(name));
  if (answer === GRANTED) cpu.dropWaiter(waiter);
  else yield* wait(waiter);
}

/** The compare-and-exchange of mutex_trylock. */
export function* trylockOnce(_cpu: Cpu, name: MutexName): Coroutine<boolean> {
  return yield* request(BOOT_NODE, mutexTrylockHandler, { name }, lockObject(name));
}

/** mutex_trylock: never waits (MTX-5). */
export function* mutexTrylock(cpu: Cpu, name: MutexName): Coroutine<boolean> {
  cpu.trace(Trace.mutexTrylock, numberOf(name), 0, cpu.taskId, cpu.timesSlept);
  const granted = yield* call(cpu.build.policies.locking.trylock, cpu, name);
  cpu.trace(Trace.mutexTrylock, numberOf(name), granted ? 2 : 1, cpu.taskId, cpu.timesSlept);
  return granted;
}

/** mutex_unlock: hands the lock to the first waiter. Only its owner may call it (MTX-2). */
export function* mutexUnlock(cpu: Cpu, name: MutexName): Coroutine<void> {
  cpu.trace(Trace.mutexUnlock, numberOf(name), cpu.taskId, 0, 0);
  yield* post(BOOT_NODE, mutexUnlockHandler, { name }, lockObject(name));
}

/** Identity of the lock's cache line, below every handle. */
const lockObject = (name: MutexName): number => numberOf(name) + 1;
