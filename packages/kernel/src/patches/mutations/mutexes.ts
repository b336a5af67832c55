import { type Coroutine, call } from '@kmemlab/machine';
import type { KernelBuild, Patch } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { getOnlineCpus, putOnlineCpus } from '../../locking/hotplug.js';
import { type MutexName, mutexLock, mutexLockCommon, mutexUnlock } from '../../locking/mutex.js';
import { to53 } from './applicable.js';
import { beginCssFreeCallback } from './css-free-callbacks.js';
import { wrapHandler } from './wrap-handler.js';

const GRANTED = 1;

export const grantToAll: Patch = {
  name: 'grant-to-all',
  summary: 'mutex_lock succeeds at once, whether the mutex is held or not',
  mutation: true,
  breaks: 'MTX-1',
  apply: (kernel) => {
    wrapHandler<{ name: MutexName; waiter: number }, number>(kernel, 'mutex.lock', () => () => GRANTED);
  },
};

export const unlockUnheld: Patch = {
  name: 'unlock-unheld',
  summary: 'bringing a memcg online unlocks slab_mutex once more than it locks it',
  mutation: true,
  breaks: 'MTX-2',
  apply: ({ policies }) => {
    const { online } = policies.memcg;
    policies.memcg.online = function* onlineThenUnlock(cpu, memcg): Coroutine<void> {
      yield* call(online, cpu, memcg);
      yield* call(mutexUnlock, cpu, 'slab_mutex');
    };
  },
};

export const cssFreeInSoftirq: Patch = {
  name: 'css-free-in-softirq',
  summary: 'the RCU callback of a css frees it itself instead of queueing an item: it locks mutexes in softirq',
  mutation: true,
  breaks: 'MTX-3',
  // Freeing a css waits for a grace period first in 3.14; from 5.2 on another callback queues the item.
  appliesTo: ['v4.10', 'v4.12'],
  apply: ({ functions }) => {
    functions.replaceFunction('rcu', 'css_free_rcu_fn', () => functions.find('work', 'css_free_work_fn'));
  },
};

export const lockInCallback: Patch = {
  name: 'lock-in-callback',
  summary: 'the RCU callback of a css takes cgroup_mutex',
  mutation: true,
  breaks: 'MTX-3',
  apply: (kernel) => {
    beginCssFreeCallback(kernel, function* lockAndUnlock(cpu): Coroutine<void> {
      yield* call(mutexLock, cpu, 'cgroup_mutex');
      yield* call(mutexUnlock, cpu, 'cgroup_mutex');
    });
  },
};

function reverse({ policies }: KernelBuild): void {
  const { free } = policies.memcg;
  policies.memcg.free = function* freeUnderBoth(cpu, memcg): Coroutine<void> {
    yield* call(mutexLock, cpu, 'slab_mutex');
    yield* call(mutexLock, cpu, 'cgroup_mutex');
    yield* call(mutexUnlock, cpu, 'cgroup_mutex');
    yield* call(mutexUnlock, cpu, 'slab_mutex');
    yield* call(free, cpu, memcg);
  };
}

export const reverseLockOrder: Patch = {
  name: 'reverse-lock-order',
  summary: 'freeing a memcg takes cgroup_mutex under slab_mutex, against the order of all other paths',
  mutation: true,
  breaks: 'MTX-4',
  appliesTo: to53,
  apply: reverse,
};

export const nestBothWays: Patch = {
  name: 'nest-both-ways',
  summary: 'bringing a memcg online takes slab_mutex under cgroup_mutex, and freeing it cgroup_mutex under slab_mutex',
  mutation: true,
  breaks: 'MTX-4',
  apply: (kernel) => {
    const { online } = kernel.policies.memcg;
    kernel.policies.memcg.online = function* onlineUnderBoth(cpu, memcg): Coroutine<void> {
      yield* call(mutexLock, cpu, 'slab_mutex');
      yield* call(mutexUnlock, cpu, 'slab_mutex');
      yield* call(online, cpu, memcg);
    };
    reverse(kernel);
  },
};

export const hotplugUnderSlabMutex: Patch = {
  name: 'hotplug-under-slab-mutex',
  summary: 'freeing a memcg asks for cpu_hotplug under slab_mutex, which is taken for a CPU that comes or goes',
  mutation: true,
  breaks: 'MTX-4',
  appliesTo: to53,
  apply: ({ policies }) => {
    const { free } = policies.memcg;
    policies.memcg.free = function* freeUnderBoth(cpu, memcg): Coroutine<void> {
      yield* call(mutexLock, cpu, 'slab_mutex');
      yield* call(getOnlineCpus, cpu);
      yield* call(putOnlineCpus, cpu);
      yield* call(mutexUnlock, cpu, 'slab_mutex');
      yield* call(free, cpu, memcg);
    };
  },
};

function* queueUp(cpu: Cpu, name: MutexName): Coroutine<boolean> {
  yield* call(mutexLockCommon, cpu, name);
  return true;
}

export const trylockWaits: Patch = {
  name: 'trylock-waits',
  summary: 'mutex_trylock queues up like mutex_lock if the mutex is held',
  mutation: true,
  breaks: 'MTX-5',
  apply: ({ policies }) => {
    policies.locking.trylock = queueUp;
  },
};
